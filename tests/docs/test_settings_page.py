"""docs/settings.md says what settings.py says; ``GRACE_WRITE_DOCS=1 pytest tests/docs`` writes it anew."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from grace_ray.settings import Settings, SharedProcess

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
HEAD = """# Settings

Each is set in the environment or in `$GRACE_HOME/grace.toml`; the environment wins. `triage.sweep_interval_s` is
`GRACE_TRIAGE__SWEEP_INTERVAL_S` there, and in the file `sweep_interval_s` below `[triage]`. An unknown name stops the
start with a message, for no setting is accepted and ignored. `grace config` shows what is in force, secrets masked.
Lists are JSON in the environment: `GRACE_KNOWLEDGE__RUNBOOKS='["/srv/ops/runbooks"]'`.

Written from `grace_ray/settings.py`; a test fails where they differ.
"""


def fields(model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        if not isinstance(field.default, BaseModel):
            yield name, field


def shown(value: Any) -> str:
    if isinstance(value, SecretStr):
        return "empty"
    if isinstance(value, tuple):
        return f"`[{', '.join(map(named, value))}]`" if value else "empty"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`" if value != "" else "empty"


def named(value: Any) -> str:
    return f"{value.name}: {', '.join(value.parts)}" if isinstance(value, SharedProcess) else str(value)


def limits(field: Any) -> str:
    names = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    found = [
        f"{sign} {getattr(part, name)}"
        for part in field.metadata
        for name, sign in names.items()
        if hasattr(part, name)
    ]
    return ", ".join(found)


def table(model: type[BaseModel], prefix: str) -> str:
    rows = [
        f"| `{prefix}{name}` | {shown(field.default)} | {limits(field)} | {field.description or ''} |"
        for name, field in fields(model)
    ]
    return "\n".join(["| setting | default | range | what |", "|---|---|---|---|", *rows])


def page() -> str:
    parts = [HEAD, "## Top level\n", table(Settings, "")]
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, BaseModel):
            about = (type(field.default).__doc__ or "").strip()
            parts += [f"\n## {name}\n\n{about}\n", table(type(field.default), f"{name}.")]
    return "\n".join(parts) + "\n"


def test_the_page_of_settings_says_what_the_settings_are():
    if os.environ.get("GRACE_WRITE_DOCS"):
        PAGE.write_text(page())
    assert PAGE.read_text() == page(), "Write it anew: GRACE_WRITE_DOCS=1 .venv/bin/python -m pytest tests/docs"
