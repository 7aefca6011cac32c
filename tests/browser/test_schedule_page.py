"""The schedule as people meet it: each job with its times, and one done now."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]


@pytest.fixture
def scheduled_site(quiet_site: Site) -> Site:
    """A Grace whose scheduler has listed its jobs."""
    quiet_site.loop.tick()
    return quiet_site


def test_a_job_is_seen_run_now_and_seen_to_end(scheduled_site: Site, open_page: OpenPage) -> None:
    page = open_page(f"{scheduled_site.url}/schedule")
    expect(page.locator("#rows tr")).to_have_count(6)
    expect(page.locator("nav [aria-current]")).to_have_text("Schedule")
    row = page.locator("[data-key=forecaster_training]")
    expect(row).to_contain_text(re.compile(r"every 6 h.*in \d+ (h|min|s).*never"))
    row.get_by_role("button", name="Run forecaster training now").click()
    page.get_by_label("Your name").fill("ada")
    page.get_by_role("button", name="Run now", exact=True).click()
    expect(row.locator(".state")).to_have_text("completed")
    expect(row).to_contain_text("no metric has the 288 snapshots yet")
    expect(row).to_contain_text("1 run")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
