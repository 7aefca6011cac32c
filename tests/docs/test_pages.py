"""The pages: links lead somewhere, commands exist, and nothing of the machine they were written on is left in them."""

import re
from pathlib import Path

import pytest

from grace_ray.cli import main

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)|src=\"([^\"]+)\"", page.read_text())
    targets = [link or source for link, source in links]
    inside = [target for target in targets if not target.startswith(("http://", "https://"))]
    assert not [target for target in inside if not (page.parent / target).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_nothing_of_the_machine_is_left(page):
    assert not re.findall(r"(?:/work/|/tmp/w|/root/)\S*", page.read_text())


def test_every_command_that_the_pages_name_exists():
    known = set(main.FAMILIES)
    for page in PAGES:
        for name in re.findall(r"^\$ (?:GRACE_\w+=\S+ )*grace ([a-z]+)", page.read_text(), re.MULTILINE):
            assert name in known, f"{page.name}: grace {name}"


def test_the_picture_in_the_readme_is_small():
    assert (ROOT / "docs" / "console.png").stat().st_size < 250_000
