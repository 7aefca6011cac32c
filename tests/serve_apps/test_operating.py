"""Clusters, groups, missions and knowledge over HTTP: lists that page, actions that stick, refusals that say why."""

import pytest


@pytest.fixture
def key(http, event):
    """A cluster that stands already."""
    http.post("/api/events", json=[event(i) for i in range(3)])
    return http.get("/api/clusters").json()["items"][0]["cluster_key"]


def _some_clusters(http, event, number):
    http.post("/api/events", json=[event(i, domain=f"d{i}", pattern="stuck") for i in range(number)])


def test_clusters_are_listed_page_by_page_without_a_gap(http, event):
    _some_clusters(http, event, 25)
    seen, after = [], None
    while True:
        page = http.get("/api/clusters", params={"limit": 10, **({"after": after} if after else {})}).json()
        seen += [item["cluster_key"] for item in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert len(seen) == len(set(seen)) == 25


def test_the_bare_list_has_its_next_page_in_a_link_header(http, event):
    _some_clusters(http, event, 5)
    first = http.get("/api/learning-feedback/clusters?limit=3&status=open")
    assert len(first.json()) == 3
    link = first.headers["Link"]
    assert link.endswith('; rel="next"')
    assert "status=open" in link
    second = http.get(link[1 : link.index(">")])
    assert len(second.json()) == 2
    assert "Link" not in second.headers


def test_a_cluster_comes_with_its_events_missions_and_group(http, key):
    cluster = http.get(f"/api/clusters/{key}").json()
    assert cluster["event_count"] == 3
    assert len(cluster["events"]) == 3
    assert [mission["cluster_key"] for mission in cluster["missions"]] == [key]
    assert cluster["group"]["group_id"] == cluster["group_id"]
    assert http.get(f"/api/groups/{cluster['group_id']}").json()["clusters"] == [key]


def test_an_unknown_cluster_mission_group_or_entry_is_404(http):
    for path in ("clusters/a:b:c", "missions/x", "groups/x", "journal/999", "journal/999/proof"):
        answer = http.get(f"/api/{path}")
        assert answer.status_code == 404, path
        assert answer.json()["field"]
    assert http.post("/api/clusters/a:b:c/resolve").status_code == 404
    assert http.post("/api/missions/x/cancel").status_code == 404


@pytest.mark.parametrize(
    ("action", "word", "status"),
    [
        ("acknowledge", {"by": "ada", "for_s": 60}, "acknowledged"),
        ("silence", {"until": "2099-01-01T00:00:00Z"}, None),
        ("silence", {"for_s": 60, "note": "deploying"}, "silenced"),
        ("resolve", None, "resolved"),
    ],
)
def test_a_persons_word_sticks(http, key, action, word, status):
    answer = http.post(f"/api/clusters/{key}/{action}", json=word)
    if status is None:
        assert answer.status_code == 422
        assert answer.json()["field"] == "until"
        return
    assert answer.json()["status"] == status
    assert [item["cluster_key"] for item in http.get(f"/api/clusters?status={status}").json()["items"]] == [key]
    assert http.get("/api/journal", params={"type": f"operator.{action}"}).json()["items"]


@pytest.mark.parametrize(
    ("action", "word", "field"),
    [
        ("silence", {"until": "2001-01-01T00:00:00Z"}, "until"),
        ("silence", {"until": "0001-01-01T00:00:00+23:59"}, "until"),
        ("silence", {"until": "soon"}, "until"),
        ("silence", {"until": "2027-01-01T00:00:00"}, "until"),
        ("silence", {"for_s": -1}, "for_s"),
        ("silence", {"for_s": 1e300}, "for_s"),
        ("silence", {"for_s": 5, "until": "2099-01-01T00:00:00Z"}, "until"),
        ("severity", {}, "value"),
        ("severity", {"value": "purple"}, "value"),
        ("clear", {"value": "purple"}, "value"),
        ("resolve", {"by": 7}, "by"),
        ("resolve", {"because": "x"}, "because"),
        ("explode", {}, "action"),
        ("split", {}, "templates"),
    ],
)
def test_a_word_that_makes_no_sense_is_named(http, key, action, word, field):
    answer = http.post(f"/api/clusters/{key}/{action}", json=word)
    assert answer.status_code == 422
    assert answer.json()["field"] == field


def test_merged_clusters_are_one_until_it_is_undone(http, event):
    _some_clusters(http, event, 2)
    keys = [item["cluster_key"] for item in http.get("/api/clusters").json()["items"]]
    merged = http.post("/api/clusters/merge", json={"keys": keys, "by": "ada"})
    assert merged.json()["cluster_key"] == keys[0]
    assert merged.json()["event_count"] == 2
    assert len(http.get("/api/clusters").json()["items"]) == 1
    assert http.post(f"/api/clusters/{keys[0]}/undo").status_code == 200
    assert {item["cluster_key"] for item in http.get("/api/clusters").json()["items"]} == set(keys)
    assert http.post(f"/api/clusters/{keys[0]}/undo").status_code == 409


def test_a_mission_can_be_asked_for_looked_at_and_cancelled(http):
    made = http.post("/api/missions", json={"question": "Why do builds fail?", "by": "ada"})
    assert made.status_code == 201
    mission = http.get(made.headers["Location"]).json()
    assert mission["question"]["text"] == "Why do builds fail?"
    path = f"/api/missions/{mission['mission_id']}/cancel"
    assert http.post(path, json={"by": "ada", "note": "found it"}).json()["status"] == "cancelled"
    again = http.post(path)
    assert again.status_code == 409
    assert [m["status"] for m in http.get("/api/learning-feedback/missions?status=cancelled").json()] == ["cancelled"]


@pytest.mark.parametrize(
    "body", [{}, {"question": "  "}, {"question": 7}, {"question": "x", "mission_type": "holiday"}]
)
def test_a_mission_without_sense_is_refused(http, body):
    answer = http.post("/api/missions", json=body)
    assert answer.status_code == 422
    assert answer.json()["field"] in {"question", "mission_type"}


def test_knowledge_is_found_with_its_source(http):
    text = "# Disk full\n\nDelete old build artefacts, then run the collector."
    document = {"source": "runbooks/disk.md", "title": "Disk full", "text": text, "origin": "runbook"}
    assert http.post("/api/knowledge", json={"documents": [document]}).json() == {"added": 1, "unchanged": 0}
    assert http.post("/api/knowledge", json={"documents": [document]}).json() == {"added": 0, "unchanged": 1}
    (hit,) = http.get("/api/knowledge", params={"q": "disk is full", "origin": "runbook"}).json()["items"]
    assert hit["source"] == "runbooks/disk.md"
    assert http.get("/api/knowledge", params={"q": "disk is full", "origin": "web"}).json()["items"] == []
    assert http.get("/api/knowledge/stats").json()["documents"] == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "documents"),
        ({"documents": []}, "documents"),
        ({"documents": [7]}, "documents[0]"),
        ({"documents": [{"source": "a", "title": "t"}]}, "documents[0].text"),
        ({"documents": [{"source": "a", "title": "t", "text": "x", "origin": "moon"}]}, "documents[0].origin"),
    ],
)
def test_a_document_that_makes_no_sense_is_named(http, body, field):
    answer = http.post("/api/knowledge", json=body)
    assert answer.status_code == 422
    assert answer.json()["field"] == field


def test_feedback_on_what_nobody_knows_is_404_and_must_be_a_boolean(http):
    assert http.post("/api/knowledge/nothing/feedback", json={"useful": True}).status_code == 404
    assert http.post("/api/knowledge/nothing/feedback", json={"useful": "yes"}).status_code == 422


def test_a_part_that_is_switched_off_says_so(make):
    http = make(knowledge={"enabled": False}).http
    answer = http.get("/api/knowledge?q=x")
    assert answer.status_code == 503
    assert "knowledge" in answer.json()["detail"]


def test_why_is_answered_with_the_entries_it_rests_on(http, key):
    answer = http.get(f"/api/explain/{key}").json()
    assert answer["answer"]
    assert all({"seq", "type", "at", "why"} <= fact.keys() for fact in answer["facts"])
    assert http.get("/api/explain/nobody-knows-this").status_code == 404


def test_the_dashboard_keeps_its_contract(http, key):
    board = http.get("/api/learning-feedback/dashboard").json()
    assert {"status", "health_score"} <= board["overview"].keys()
    statistics = (
        "events_processed clusters_created active_clusters missions_launched missions_completed missions_failed"
    )
    assert set(statistics.split()) <= board["statistics"].keys()
    assert board["statistics"]["events_processed"] == 3
    assert {"top_clusters", "active_missions", "pending_missions"} <= board["current_state"].keys()
    metrics = "events_per_minute active_clusters mission_success_rate average_urgency learning_coverage"
    assert set(metrics.split()) <= board["metrics"].keys()


def test_a_merged_cluster_is_split_off_again(http, event):
    _some_clusters(http, event, 3)
    keys = [item["cluster_key"] for item in http.get("/api/clusters").json()["items"]]
    http.post("/api/clusters/merge", json={"keys": keys})
    split = http.post(f"/api/clusters/{keys[0]}/split", json={"keys": [keys[2]], "by": "ada"})
    assert split.status_code == 200
    assert keys[2] in {cluster["cluster_key"] for cluster in split.json()["clusters"]}
    assert {item["cluster_key"] for item in http.get("/api/clusters").json()["items"]} == {keys[0], keys[2]}
