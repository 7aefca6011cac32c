"""The console as people use it: look, understand why, act, and check the proof."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import HOSTILE, RUNBOOK, TOKEN, Site

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
PAGES = (
    "/",
    "/forecasts",
    "/incidents",
    "/playbooks",
    "/clusters",
    "/missions",
    "/knowledge?q=disk",
    "/schedule",
    "/journal",
    "/journal/1",
)
FAINT_TEXT = Path(__file__).with_name("faint_text.js").read_text()
NAMELESS_CONTROLS = Path(__file__).with_name("nameless_controls.js").read_text()
PHONE = {"viewport": {"width": 390, "height": 844}}


def key_of(site: Site, words: str, **query: Any) -> str:
    """The key of a cluster whose key holds these words."""
    clusters = site.http.get("/api/clusters", params=query).json()["items"]
    return next(cluster["cluster_key"] for cluster in clusters if words in cluster["cluster_key"])


def figure(page: Page, stage: str) -> Any:
    return page.locator(f"[data-stage={stage}] [data-figure]")


def test_a_quiet_grace_says_how_to_point_it_at_something(quiet_site: Site, open_page: OpenPage) -> None:
    page = open_page(quiet_site.url)
    expect(page.get_by_text("Grace is listening.")).to_be_visible()
    expect(page.get_by_text("grace tail /var/log/syslog")).to_be_visible()
    expect(page.locator("#link-state")).to_have_text("Live")
    expect(page.locator("#parts .bad")).to_have_count(0)


def test_the_overview_shows_the_loop_turn_without_a_reload(quiet_site: Site, open_page: OpenPage) -> None:
    page = open_page(quiet_site.url)
    expect(figure(page, "sense")).to_have_text("0")
    for number in range(3):
        quiet_site.send("service.degraded", f"checkout {number} is slow", severity="high")
    expect(figure(page, "sense")).to_have_text("3")
    expect(figure(page, "diagnose")).to_have_text("1")
    expect(figure(page, "decide")).to_have_text("1")
    expect(page.locator("#ticker .entry").filter(has_text="service.degraded").first).to_be_visible()
    expect(page.locator("#top-clusters .row")).to_have_count(1)
    expect(page.locator("#missions .card")).to_have_count(1)


def test_the_overview_says_what_needs_a_person_and_what_grace_did(site: Site, open_page: OpenPage) -> None:
    page = open_page(site.url)
    needs = page.locator(".panel", has=page.get_by_role("heading", name="What needs you"))
    expect(needs.get_by_role("link", name="host 10.0.0.1 is blocked by the firewall")).to_be_visible()
    did = page.locator(".panel", has=page.get_by_role("heading", name="What Grace did"))
    expect(did.locator(".card").filter(has_text="completed").first).to_contain_text("from 1 source")


def test_when_nothing_is_open_the_overview_shows_what_was_resolved_and_how(
    quiet_site: Site, open_page: OpenPage
) -> None:
    document = {"source": "runbooks/disk-full.md", "title": "Disk full", "text": RUNBOOK, "origin": "runbook"}
    quiet_site.http.post("/api/knowledge", json={"documents": [document]})
    for number in range(3):
        quiet_site.send("service.degraded", f"disk {number} is full: no space left on device", severity="high")
    page = open_page(quiet_site.url)
    needs = page.locator(".panel", has=page.get_by_role("heading", name="What needs you"))
    expect(needs).to_contain_text("Nothing is open. Resolved lately:")
    expect(needs.locator(".row .outcome")).to_have_text(re.compile(r"\d statements? learned"))


def test_code_in_a_passage_is_set_apart(site: Site, open_page: OpenPage) -> None:
    text = "# Restart\n\nRun `systemctl restart spooler`, then wait for the spooler.\n\n```sh\nlpq -a\n```\n"
    document = {"source": "wiki/spooler", "title": "Spooler", "text": text, "origin": "operator"}
    site.http.post("/api/knowledge", json={"documents": [document]})
    page = open_page(f"{site.url}/knowledge?q=restart+spooler")
    hit = page.locator(".hit").first
    expect(hit.locator("blockquote > code")).to_have_text("systemctl restart spooler")
    expect(hit.locator("blockquote pre")).to_have_text("lpq -a")


def test_the_ticker_can_be_stopped(quiet_site: Site, open_page: OpenPage) -> None:
    page = open_page(quiet_site.url)
    expect(page.locator("#link-state")).to_have_text("Live")
    page.get_by_role("button", name="Pause").click()
    quiet_site.send("service.degraded", "checkout is slow", severity="high")
    expect(figure(page, "sense")).to_have_text("1")
    expect(page.locator("#ticker .entry")).to_have_count(0)


def test_a_cluster_tells_why_it_is_as_it_is(site: Site, open_page: OpenPage) -> None:
    page = open_page(f"{site.url}/clusters")
    page.locator("tr", has_text="service_degraded").or_(page.locator("tr", has_text="degraded")).first.locator(
        "a.key"
    ).click()
    why = page.locator(".panel", has=page.get_by_role("heading", name="Why"))
    expect(why).to_contain_text("Urgency")
    expect(why).to_contain_text("mission was launched")
    why.get_by_text("journal entries that this rests on").click()
    expect(why.get_by_role("link", name="cluster.created")).to_be_visible()
    expect(page.get_by_text("disk 4 is full: no space left on device").first).to_be_visible()
    applied = page.locator(".panel", has=page.get_by_role("heading", name="Knowledge applied"))
    expect(applied).to_contain_text("runbooks/disk-full.md")


def test_a_cluster_is_acknowledged_from_the_list(site: Site, open_page: OpenPage) -> None:
    key = key_of(site, "blocked")
    page = open_page(f"{site.url}/clusters")
    row = page.locator("#rows tr").filter(has_text="blocked")
    row.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_text(f"Acknowledged: {key}.")).to_be_visible()
    expect(row).to_have_count(0)
    page.get_by_role("radio", name="Acknowledged").check()
    expect(row).to_be_visible()
    assert site.http.get(f"/api/clusters/{key}").json()["status"] == "acknowledged"
    site.http.post(f"/api/clusters/{key}/clear", json={})


def test_a_cluster_is_silenced_with_a_note_and_the_word_can_be_taken_back(site: Site, open_page: OpenPage) -> None:
    key = key_of(site, "blocked")
    page = open_page(f"{site.url}/clusters/{key}")
    page.get_by_role("button", name="Silence …").click()
    page.get_by_label("For").select_option("1 hour")
    page.get_by_label("Note").fill("The firewall is being changed.")
    page.get_by_label("Your name").fill("ann")
    page.get_by_role("button", name="Silence", exact=True).click()
    said = page.locator(".panel", has=page.get_by_role("heading", name="What people said"))
    expect(said).to_contain_text("silence by ann")
    expect(said).to_contain_text("The firewall is being changed.")
    expect(page.locator("h1 .state")).to_have_text("silenced")
    page.get_by_role("button", name="Take back").click()
    expect(page.locator("h1 .state")).to_have_text("open")


def test_clusters_are_resolved_and_reopened(site: Site, open_page: OpenPage) -> None:
    key = key_of(site, "blocked")
    page = open_page(f"{site.url}/clusters/{key}")
    page.get_by_role("button", name="Resolve …").click()
    page.get_by_role("button", name="Resolve", exact=True).click()
    expect(page.locator("h1 .state")).to_have_text("resolved")
    page.get_by_role("button", name="Reopen").click()
    expect(page.locator("h1 .state")).to_have_text("open")


def test_clusters_are_merged_by_keyboard_and_the_merge_is_undone(site: Site, open_page: OpenPage) -> None:
    page = open_page(f"{site.url}/clusters")
    expect(page.locator("#rows tr").nth(1)).to_be_visible()
    before = page.locator("#rows tr").count()
    for press in ("j", "x", "j", "x"):
        page.keyboard.press(press)
    expect(page.locator("#selected-count")).to_have_text("2")
    page.get_by_role("button", name="Merge …").click()
    page.get_by_role("button", name="Merge", exact=True).click()
    expect(page.locator("#rows tr")).to_have_count(before - 1)
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Undone")).to_be_visible()
    page.reload()
    expect(page.locator("#rows tr")).to_have_count(before)


def test_the_list_can_be_narrowed_down_and_the_address_remembers_it(site: Site, open_page: OpenPage) -> None:
    page = open_page(f"{site.url}/clusters")
    expect(page.locator("#rows tr").nth(1)).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("blocked")
    expect(page.locator("#rows tr")).to_have_count(1)
    page.reload()
    expect(page.locator("#rows tr")).to_have_count(1)


def test_a_mission_shows_its_sources_and_cited_knowledge(site: Site, open_page: OpenPage) -> None:
    page = open_page(f"{site.url}/missions")
    page.get_by_role("link", name=re.compile("Learn to resolve .*degraded")).first.click()
    expect(page.locator("h1 .state")).to_have_text("completed")
    learned = page.locator(".panel", has=page.get_by_role("heading", name="What it learned"))
    expect(learned).to_contain_text("runbooks/disk-full.md")
    tried = page.locator(".panel", has=page.get_by_role("heading", name="Strategies tried"))
    expect(tried).to_contain_text("runbooks")
    expect(tried).to_contain_text("disabled")
    learned.get_by_role("button", name="Yes").first.click()
    expect(page.get_by_text("Thank you")).to_be_visible()
    expect(learned.get_by_role("button", name="Yes").first).to_have_attribute("aria-pressed", "true")


def test_a_person_starts_a_mission_with_a_question(site: Site, open_page: OpenPage) -> None:
    page = open_page(f"{site.url}/missions")
    page.get_by_role("button", name="New mission …").click()
    page.get_by_label("Question").fill("How do I free disk space on a device?")
    page.get_by_role("button", name="Start").click()
    expect(page).to_have_url(re.compile(r"/missions/.+"))
    expect(page.locator(".facts").first).to_contain_text("How do I free disk space on a device?")


def test_knowledge_is_added_and_found_with_source_and_reason(site: Site, open_page: OpenPage) -> None:
    page = open_page(f"{site.url}/knowledge")
    page.get_by_role("button", name="Add a document …").click()
    page.get_by_label("Source").fill("wiki/printer")
    page.get_by_label("Title").fill("Printer on fire")
    page.get_by_label("Text (Markdown)").fill("# Printer\n\nPull the plug, then call the fire brigade. " + HOSTILE)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("It can be found now.")).to_be_visible()
    page.get_by_placeholder("A question, or the text of an alert").fill("printer fire brigade")
    page.get_by_role("button", name="Search").click()
    hit = page.locator(".hit").first
    expect(hit).to_contain_text("Pull the plug")
    expect(hit).to_contain_text("wiki/printer")
    hit.get_by_text("Why this").click()
    expect(hit).to_contain_text("shares")


def test_the_journal_is_searched_and_an_entry_proves_itself_in_the_browser(site: Site, open_page: OpenPage) -> None:
    page = open_page(f"{site.url}/journal")
    page.get_by_label("Kind").select_option("finding")
    expect(page.locator(".entry .kind").first).to_have_text("finding")
    assert set(page.locator(".entry .kind").all_inner_texts()) == {"finding"}
    page.locator(".entry a").first.click()
    expect(page.locator(".checks .good")).to_have_count(2)


def test_the_seal_is_checked_in_the_browser_and_remembered(site: Site, open_page: OpenPage) -> None:
    page = open_page(f"{site.url}/journal")
    page.get_by_role("button", name="Verify now").click()
    expect(page.locator("#seal")).to_contain_text("signature of key")
    expect(page.locator("#seal .bad")).to_have_count(0)
    site.send("service.degraded", "one more: no space left on device", severity="high")
    page.get_by_role("button", name="Verify now").click()
    expect(page.locator("#seal")).to_contain_text("Nothing was changed since you last looked")


def test_a_rewritten_journal_does_not_pass_the_seal(site: Site, open_page: OpenPage) -> None:
    page = open_page(f"{site.url}/journal")
    page.get_by_role("button", name="Verify now").click()
    expect(page.locator("#seal")).to_contain_text("First look")
    page.evaluate(
        """() => {
          const kept = JSON.parse(localStorage.getItem("grace.checkpoint"));
          kept.root = "00".repeat(32);
          localStorage.setItem("grace.checkpoint", JSON.stringify(kept));
        }"""
    )
    page.get_by_role("button", name="Verify now").click()
    expect(page.locator("#seal .bad")).to_contain_text("no longer what they were")


@pytest.mark.parametrize("path", PAGES)
def test_hostile_text_stays_text_on_every_page(site: Site, open_page: OpenPage, path: str) -> None:
    page = open_page(site.url + path)
    page.wait_for_load_state("load")
    page.wait_for_timeout(300)
    assert "owned" not in page.title()
    assert page.locator("img[src=x]").count() == 0


def test_hostile_text_stays_text_where_it_is_shown_in_full(site: Site, open_page: OpenPage) -> None:
    found = site.http.get("/api/journal", params={"q": "onerror", "kind": "event"}).json()["items"]
    page = open_page(f"{site.url}/journal/{found[0]['seq']}")
    expect(page.locator("pre.body")).to_contain_text("onerror")
    assert "owned" not in page.title()
    assert page.locator("main img").count() == 0


@pytest.mark.parametrize("path", PAGES)
def test_every_page_fits_a_phone(site: Site, open_page: OpenPage, path: str) -> None:
    page = open_page(site.url + path, **PHONE)
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/clusters", "/knowledge?q=disk"])
def test_text_can_be_told_from_its_ground_in_light_and_dark(
    site: Site, open_page: OpenPage, path: str, scheme: str
) -> None:
    page = open_page(site.url + path, color_scheme=scheme)
    page.wait_for_timeout(800)
    assert page.evaluate(FAINT_TEXT) == []


def test_every_control_has_a_name(site: Site, open_page: OpenPage) -> None:
    for path in PAGES:
        page = open_page(site.url + path)
        page.wait_for_timeout(200)
        assert page.evaluate(NAMELESS_CONTROLS) == []


def test_a_dialog_can_be_left_by_keyboard_and_changes_nothing(site: Site, open_page: OpenPage) -> None:
    key = key_of(site, "blocked")
    page = open_page(f"{site.url}/clusters/{key}")
    page.get_by_role("button", name="Resolve …").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("h1 .state")).to_have_text("open")


def test_keys_lead_from_page_to_page(site: Site, open_page: OpenPage) -> None:
    page = open_page(site.url)
    expect(page.locator("#link-state")).to_have_text("Live")
    page.keyboard.press("g")
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile("/journal$"))
    expect(page.locator("#link-state")).to_have_text("Live")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()


def test_a_guarded_grace_asks_for_a_token_first(guarded_site: Site, open_page: OpenPage) -> None:
    page = open_page(f"{guarded_site.url}/clusters?status=", is_clean=False)
    expect(page).to_have_url(re.compile("/login"))
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.evaluate(NAMELESS_CONTROLS) == []
    page.get_by_label("Token").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("not known")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(re.compile("/clusters"))
    expect(page.locator("#account")).to_contain_text("ann")
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(re.compile("/login"))


def test_who_may_only_look_is_offered_no_action(guarded_site: Site, open_page: OpenPage) -> None:
    guarded_site.send("service.degraded", "checkout is slow", severity="high")
    page = open_page(f"{guarded_site.url}/login", is_clean=False)
    page.get_by_label("Token").fill("a-token-for-looking")
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#account")).to_contain_text("guest")
    page.goto(f"{guarded_site.url}/clusters")
    expect(page.locator("#rows tr")).to_have_count(1)
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)


def test_login_never_leads_to_another_site(guarded_site: Site, open_page: OpenPage) -> None:
    page = open_page(f"{guarded_site.url}/login?next=//example.org/", is_clean=False)
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#account")).to_contain_text("ann")
    assert page.url.startswith(guarded_site.url)


def test_an_error_goes_by_itself_when_grace_is_back(site: Site, open_page: OpenPage) -> None:
    page = open_page(f"{site.url}/clusters", is_clean=False)
    expect(page.locator("#link-state")).to_have_text("Live")
    page.route("**/api/**", lambda route: route.abort())
    for is_hidden in ("true", "false"):  # one looks away, and comes back
        page.evaluate(f"Object.defineProperty(document, 'hidden', {{ configurable: true, get: () => {is_hidden} }})")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#link-state")).to_have_text("Not connected")
    page.get_by_label("All").check()
    expect(page.locator("#none [role=alert]")).to_contain_text("Grace does not answer.")
    page.unroute("**/api/**")
    expect(page.locator("#none [role=alert]")).to_have_count(0, timeout=10_000)
    expect(page.locator("#rows tr").first).to_be_visible()


def test_the_overview_keeps_what_it_cannot_fetch_anew(site: Site, open_page: OpenPage) -> None:
    page = open_page(site.url, is_clean=False)
    expect(page.locator("#parts li").first).to_be_visible()
    expect(page.locator("#vitals li")).to_have_count(6)
    page.clock.install()
    page.reload()
    expect(page.locator("#vitals li")).to_have_count(6)
    page.route("**/api/**", lambda route: route.abort())
    page.clock.fast_forward(70_000)
    expect(page.locator("#verdict")).to_contain_text("Grace does not answer.")
    expect(page.locator("#vitals li")).to_have_count(6)
    assert page.locator("#parts li.unknown").count() > 3


def test_a_line_of_the_journal_says_what_it_is_about(site: Site, open_page: OpenPage) -> None:
    body = {"workspace_id": "acme", "agent_id": "planner", "recommendation_type": "strategy", "confidence_score": 0.8}
    assert site.http.post("/api/v1/learning/recommendations/track", json=body).status_code == 202
    page = open_page(f"{site.url}/journal?type=recommendation.tracked")
    entry = page.locator("#rows .entry").first
    expect(entry.locator(".gist")).to_have_text("planner advises strategy in acme")
    expect(entry.locator("time")).to_have_attribute("title", re.compile(r"\d{1,2} \w{3} \d{4}, \d\d:\d\d:\d\d \S+"))
