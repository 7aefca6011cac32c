"""Playbooks as people meet them: what helps, what waits for their word, and what a run did."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.foreseen import LATENCY
from tests.browser.test_forecast_pages import panel

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]


def test_what_helps_is_ranked_against_doing_nothing(foreseeing_site: Site, open_page: OpenPage) -> None:
    page = open_page(f"{foreseeing_site.url}/playbooks")
    rows = page.locator("#playbooks > li")
    expect(rows.first).to_contain_text(re.compile(r"[+−]0\.\d\d"))
    best = page.locator("#playbook-scale-http-up")
    expect(best).to_contain_text(re.compile(r"\+0\.\d\d ± 0\.\d\d [67] rewards, moving average"))
    expect(best.locator(".interval b.up")).to_have_count(1)
    expect(page.locator("#playbook-restart-http-replicas .interval b.down")).to_have_count(1)
    page.locator("#policies summary", has_text=LATENCY).click()
    expect(page.locator("#policies")).to_contain_text("against doing nothing")


def test_a_card_keeps_the_keyboards_place_when_news_comes(foreseeing_site: Site, open_page: OpenPage) -> None:
    page = open_page(f"{foreseeing_site.url}/playbooks")
    button = page.get_by_role("button", name="Run shed-low-severity")
    button.focus()
    page.evaluate("document.activeElement.closest('li').dataset.old = 'yes'")
    run = foreseeing_site.http.post("/api/playbooks/notify-people/run", json={"dry_run": True, "by": "ada"}).json()
    expect(page.locator(f"#rows [data-run='{run['run_id']}']")).to_be_visible()
    expect(page.locator("#playbook-shed-low-severity[data-old]")).to_have_count(0)
    expect(button).to_be_focused()


def test_a_run_waits_for_a_word_and_is_approved_with_who_and_why(foreseeing_site: Site, open_page: OpenPage) -> None:
    made = foreseeing_site.http.post("/api/playbooks/prune-old-bodies/run", json={"by": "ada"}).json()
    page = open_page(f"{foreseeing_site.url}/playbooks")
    waiting = page.locator("#waiting .card")
    expect(waiting).to_contain_text("ada asks for it")
    waiting.get_by_role("button", name="Approve …").click()
    page.get_by_label("Why").fill("The disk is nearly full.")
    page.get_by_label("Your name").fill("ben")
    page.get_by_role("button", name="Approve", exact=True).click()
    expect(waiting).to_have_count(0)
    page.goto(f"{foreseeing_site.url}/playbooks/runs/{made['run_id']}")
    expect(page.locator("h1 .state").first).to_have_text(re.compile("running|completed|failed"))
    expect(panel(page, "At a glance")).to_contain_text("ben")


def test_a_rejected_run_does_nothing(foreseeing_site: Site, open_page: OpenPage) -> None:
    made = foreseeing_site.http.post(
        "/api/playbooks/drain-node/run", json={"by": "ada", "subject": "maintenance"}
    ).json()
    page = open_page(f"{foreseeing_site.url}/playbooks/runs/{made['run_id']}")
    page.get_by_role("button", name="Reject …").click()
    page.get_by_role("button", name="Reject", exact=True).click()
    expect(page.locator("h1 .state").first).to_have_text("rejected")
    assert foreseeing_site.http.get(f"/api/playbook-runs/{made['run_id']}").json()["steps"] == []


def test_a_playbook_is_run_by_hand_after_a_dry_run(foreseeing_site: Site, open_page: OpenPage) -> None:
    page = open_page(f"{foreseeing_site.url}/playbooks")
    page.get_by_role("button", name="Run scale-http-up").click()
    page.get_by_label("most").fill("2")
    page.get_by_label("Your name").fill("ada")
    page.get_by_role("button", name="Dry run").click()
    expect(page.get_by_role("dialog", name="What scale-http-up would do")).to_contain_text("scale deployment")
    before = len(foreseeing_site.http.get("/api/playbook-runs").json()["items"])
    page.get_by_role("button", name="Run it").click()
    expect(page).to_have_url(re.compile("/playbooks/runs/"))
    expect(panel(page, "Steps").locator(".steps li")).to_have_count(1)
    expect(panel(page, "At a glance")).to_contain_text("most: 2")
    assert len(foreseeing_site.http.get("/api/playbook-runs").json()["items"]) == before + 1


def test_a_chosen_run_shows_what_it_was_chosen_among_and_what_changed(
    foreseeing_site: Site, open_page: OpenPage
) -> None:
    runs = foreseeing_site.http.get("/api/playbook-runs", params={"limit": 100}).json()["items"]
    run = next(one for one in runs if one["choice_id"] and one["reward"] is not None)
    page = open_page(f"{foreseeing_site.url}/playbooks/runs/{run['run_id']}")
    among = panel(page, "What it was chosen among")
    expect(among.locator(".playbooks > li", has_text="chosen")).to_contain_text(run["playbook"])
    expect(among).to_contain_text(re.compile(r"\d+% chance"))
    expect(panel(page, "Before and after").locator("li").first).to_contain_text(re.compile("better|worse"))
    panel(page, "At a glance").get_by_role("link", name=run["subject"]).click()
    expect(page).to_have_url(re.compile("/forecasts/"))
