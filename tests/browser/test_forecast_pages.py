"""What is coming, as people look at it: forecasts with their bands, early warnings, and trainings under way."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from grace_ray.core.clock import to_us, utc_now
from grace_ray.core.sample import Point
from grace_ray.core.store import Commit
from tests.browser.conftest import Site
from tests.browser.foreseen import LATENCY, OUTSIDE

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
PAGES = (
    "/forecasts",
    f"/forecasts/{LATENCY}",
    f"/forecasts/{quote(OUTSIDE, safe='')}",
    "/incidents",
    "/playbooks",
    "/",
)
FAINT_TEXT = Path(__file__).with_name("faint_text.js").read_text()
NAMELESS_CONTROLS = Path(__file__).with_name("nameless_controls.js").read_text()
PHONE = {"viewport": {"width": 375, "height": 812}}


def panel(page: Page, title: str):
    return page.locator(".panel", has=page.get_by_role("heading", name=title))


def test_the_metric_that_will_be_in_trouble_comes_first_and_leads_to_its_plot(
    foreseeing_site: Site, open_page: OpenPage
) -> None:
    page = open_page(f"{foreseeing_site.url}/forecasts")
    expect(page.locator(".metric")).to_have_count(7)
    first = page.locator(".metric").first
    expect(first.locator(".state").first).to_have_text("good")
    expect(first).to_contain_text("warned of")
    expect(page.locator(".metric", has_text="shop.checkout_time")).to_contain_text("no thresholds")
    page.get_by_role("radio", name="In trouble, or likely to be").check()
    expect(page.locator(".metric")).to_have_count(1)
    first.get_by_role("link", name=LATENCY).click()
    expect(page.locator("h1")).to_contain_text(LATENCY)
    expect(page.locator(".plot .label.warning")).to_have_text("warning 500 ms")
    expect(page.locator(".plot .flag.open")).to_have_count(1)
    expect(panel(page, "Which models speak").locator("li").first).to_contain_text("%")
    expect(panel(page, "Accuracy so far")).to_contain_text("should be 80%")


def test_the_plot_is_read_by_keyboard_and_as_a_table(foreseeing_site: Site, open_page: OpenPage) -> None:
    page = open_page(f"{foreseeing_site.url}/forecasts/{LATENCY}")
    plot = page.get_by_role("slider", name=LATENCY)
    plot.focus()
    page.keyboard.press("End")
    expect(plot).to_have_attribute("aria-valuetext", re.compile("forecast .* ms, 80%: .* to .*, 95%: "))
    expect(page.locator(".readout")).to_contain_text("forecast")
    page.keyboard.press("Home")
    # The day is said of what is not today's: six hours ago is yesterday until six in the morning.
    of_a_day = r"(\d{1,2} \w{3} )?\d\d:\d\d"
    expect(plot).to_have_attribute("aria-valuetext", re.compile(rf"^{of_a_day}, 2?\d\d ms, good$"))
    page.get_by_text("The values as a table").click()
    rows = page.get_by_role("region", name=f"Values of {LATENCY}").locator("tbody tr")
    expect(rows.nth(70)).to_be_visible()
    expect(rows.first.locator("td").nth(0)).to_have_text("")
    expect(rows.first.locator("td").nth(2)).not_to_have_text("")


def test_open_warnings_come_first_and_judged_ones_say_what_came(foreseeing_site: Site, open_page: OpenPage) -> None:
    page = open_page(f"{foreseeing_site.url}/incidents")
    warned = page.locator("#open .card")
    expect(warned).to_have_count(1)
    expect(warned).to_contain_text(re.compile(r"in about \d+ min|any moment now"))
    expect(warned).to_contain_text(re.compile(r"ms now; .* against a warning threshold of 500 ms"))
    expect(page.locator("#rows .card", has_text="infra.memory_utilization")).to_contain_text("The threshold was passed")
    expect(page.locator("#tally")).to_contain_text(re.compile("of [1-9] judged were right"))
    warned.get_by_role("link", name=LATENCY).click()
    expect(page).to_have_url(re.compile(f"/forecasts/{LATENCY}$"))


def test_a_training_is_asked_for_and_followed_to_its_end(foreseeing_site: Site, open_page: OpenPage) -> None:
    loop = foreseeing_site.loop
    part = loop.parts["forecaster"]
    asked = part.open_training()
    if asked is not None:  # the schedule asked already
        loop.commit(part, part.training_ended(asked.run_id, None, utc_now(), error="put aside by the test"))
    page = open_page(f"{foreseeing_site.url}/forecasts")
    page.get_by_role("button", name="Train now …").click()
    page.get_by_label("Your name").fill("ada")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.locator("#training")).to_contain_text("waits to start")
    run = part.open_training()
    assert run.by == "ada"
    news = {"progress": 0.4, "phase": "fitting", "seconds_left": 125.0}
    loop.commit(part, part.training_moved(run.run_id, utc_now(), news))
    expect(page.locator("#training")).to_contain_text("fitting, 40%, about 2 min left")
    loop.commit(part, part.training_ended(run.run_id, None, utc_now(), error="The disk is full."))
    expect(page.locator(".toast.bad")).to_contain_text("The disk is full.")
    expect(page.get_by_role("button", name="Train now …")).to_be_enabled()


def test_the_overview_shows_the_critical_metrics_and_what_is_coming(foreseeing_site: Site, open_page: OpenPage) -> None:
    page = open_page(foreseeing_site.url)
    expect(page.locator("#vitals .metric")).to_have_count(6)
    expect(page.locator("#vitals .metric").first).to_contain_text("to leave it within an hour")
    expect(page.locator("#foresight")).to_contain_text("1 open warning")
    page.get_by_role("button", name="ML health").click()
    expect(page.get_by_role("dialog", name="ML health")).to_contain_text("calibration")


def test_a_hostile_label_stays_text(foreseeing_site: Site, open_page: OpenPage) -> None:
    key = 'shop.hostile{at="<img src=x onerror=document.title=1>"}'
    foreseeing_site.loop.write(Commit(follower="metrics", points=[Point(key, to_us(utc_now()), 1.0)]))
    page = open_page(f"{foreseeing_site.url}/forecasts/{quote(key, safe='')}")
    expect(page.locator("h1")).to_contain_text("<img src=x")
    expect(page.locator("main img")).to_have_count(0)


def test_an_unknown_metric_is_answered_with_the_nearest_names(foreseeing_site: Site, open_page: OpenPage) -> None:
    page = open_page(f"{foreseeing_site.url}/forecasts/api.latency_p59", is_clean=False)
    expect(page.get_by_role("alert")).to_contain_text(f"Did you mean {LATENCY}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_phone_can_be_read_and_name_their_controls(
    foreseeing_site: Site, open_page: OpenPage, scheme: str
) -> None:
    page = open_page(foreseeing_site.url, **PHONE, color_scheme=scheme)
    for path in PAGES:
        page.goto(foreseeing_site.url + path)
        expect(page.locator(".waiting")).to_have_count(0)
        page.wait_for_timeout(200)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
        assert page.evaluate(FAINT_TEXT) == [], path
        assert page.evaluate(NAMELESS_CONTROLS) == [], path
