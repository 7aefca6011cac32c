"""Agents as people look at them: whom to trust how far, in what, and what was learned from how their advice ended."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.judged import HOSTILE
from tests.browser.test_forecast_pages import FAINT_TEXT, NAMELESS_CONTROLS, PHONE, panel

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
AGENTS = "/agents?workspace=acme"


def test_agents_stand_by_what_is_expected_of_them_and_are_sorted_and_narrowed_down(
    judged_site: Site, open_page: OpenPage
) -> None:
    page = open_page(f"{judged_site.url}/agents")
    expect(page.locator("#none")).to_contain_text("Grace's own agents")
    page.get_by_label("Workspace").fill("nobody")
    page.keyboard.press("Enter")
    expect(page.locator("#none pre")).to_contain_text('"workspace_id": "nobody"')
    page.get_by_label("Workspace").fill("acme")
    page.keyboard.press("Enter")
    rows = page.locator("#rows tr")
    expect(rows).to_have_count(4)
    expect(page).to_have_url(re.compile(r"\?workspace=acme"))
    expect(rows.first).to_contain_text("Ann the planner")
    expect(rows.first.locator(".expected")).to_have_text(re.compile(r"^[789]\d% \(\d\d to \d\d%\)$"))
    width = rows.first.locator(".interval i").evaluate("bar => bar.offsetWidth / bar.parentNode.offsetWidth")
    assert 0.02 < width < 0.6
    page.get_by_role("button", name="Calibration error").click()
    expect(rows.first).to_contain_text("boaster")
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Calibration error")
    page.get_by_label("Narrow down").fill("ben")
    expect(rows).to_have_count(1)
    page.reload()
    expect(rows).to_have_count(1)
    expect(page.locator("#lead")).to_contain_text("4 agents gave 361 recommendations; 360 are judged")


def test_an_agents_page_tells_how_it_stood_what_it_claims_and_where_it_fails(
    judged_site: Site, open_page: OpenPage
) -> None:
    page = open_page(f"{judged_site.url}{AGENTS}")
    page.get_by_role("link", name="boaster").click()
    expect(page.locator("h1")).to_contain_text("boaster")
    over_time = panel(page, "Trust over time")
    expect(over_time.get_by_role("img", name="Expected success of boaster over time")).to_be_visible()
    expect(over_time.locator("circle title").first).to_have_text(re.compile(r"expected \d+%, \d+% to \d+%"))
    over_time.get_by_text("The values as a table").click()
    expect(over_time.locator("tbody tr")).to_have_count(4)
    calibration = panel(page, "Calibration")
    expect(calibration).to_contain_text(re.compile(r"says 95%, and [23]\d% comes of it: too sure of itself"))
    expect(calibration.locator("svg .whisker")).to_have_count(1)
    by_type = panel(page, "By type").locator("tbody tr")
    expect(by_type).to_have_count(2)
    expect(by_type.first.locator(".state")).to_have_text(re.compile(r"−\d+ points"))
    newest = panel(page, "Newest recommendations").locator(".card")
    expect(newest.first).to_contain_text(re.compile("approved|rejected"))
    page.get_by_role("link", name="Agents").last.click()
    expect(page.locator("#rows tr")).to_have_count(4)


def test_learning_is_asked_for_and_its_patterns_rules_and_profiles_are_shown(
    judged_site: Site, open_page: OpenPage
) -> None:
    page = open_page(f"{judged_site.url}{AGENTS}")
    page.get_by_role("button", name="Learn now …").click()
    page.get_by_label("Your name").fill("ada")
    page.get_by_role("button", name="Learn now", exact=True).click()
    pattern = panel(page, "Patterns").locator("tbody tr").first
    expect(pattern).to_contain_text(re.compile(r"agent is \w+ .*\d+% against \d+%\d+ times.*confirmed"))
    expect(panel(page, "Rules").locator("li").first).to_contain_text(re.compile(r"(prefer|avoid).*route to .*points\."))
    cycle = panel(page, "Learning cycles").locator(".card").first
    expect(cycle).to_contain_text(re.compile(r"completed.*asked for.*360 outcomes seen.*On later outcomes"))
    expect(cycle).to_contain_text("Discount boaster")
    page.goto(f"{judged_site.url}/agents/boaster?workspace=acme")
    expect(panel(page, "Profile")).to_contain_text(re.compile(r"Weaknesses−\d+ points where .* all agents \d+%"))


def test_what_is_no_workspace_is_refused_and_shows_no_other_ones_agents(judged_site: Site, open_page: OpenPage) -> None:
    page = open_page(f"{judged_site.url}{AGENTS}", is_clean=False)
    expect(page.locator("#rows tr")).to_have_count(4)
    page.get_by_label("Workspace").fill("no/where")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").first).to_contain_text("workspace_id")
    expect(page.locator("#rows tr")).to_have_count(0)
    expect(page.locator("#lead")).not_to_contain_text("4 agents")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_hostile_words_stay_text_and_pages_fit_a_phone(judged_site: Site, open_page: OpenPage, scheme: str) -> None:
    page = open_page(f"{judged_site.url}{AGENTS}", **PHONE, color_scheme=scheme)
    expect(page.locator("#rows tr")).to_have_count(4)
    _check(page)
    page.get_by_role("link", name=HOSTILE).click()
    expect(page.locator("h1")).to_contain_text(HOSTILE)
    for agent in ("ops%2Fnew%20one", "boaster"):
        page.goto(f"{judged_site.url}/agents/{agent}?workspace=acme")
        expect(page.locator(".waiting")).to_have_count(0)
        _check(page)
    assert page.title() == "boaster · Grace"


def _check(page: Page) -> None:
    expect(page.locator("main img")).to_have_count(0)
    page.wait_for_timeout(200)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.evaluate(FAINT_TEXT) == []
    assert page.evaluate(NAMELESS_CONTROLS) == []
