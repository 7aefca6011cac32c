"""Alertmanager's webhook, as Alertmanager 0.27 sends it."""

import copy
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from grace_ray.core.errors import InvalidInput
from grace_ray.sense.formats import alertmanager
from grace_ray.sense.intake import Intake
from grace_ray.settings import IntakeSettings

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LIMITS = IntakeSettings()
NOTICE: dict[str, Any] = {
    "version": "4", "groupKey": '{}:{alertname="KubePodCrashLooping"}', "truncatedAlerts": 0, "status": "firing",
    "receiver": "grace", "groupLabels": {"alertname": "KubePodCrashLooping"}, "commonLabels": {},
    "commonAnnotations": {}, "externalURL": "http://alertmanager:9093",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "KubePodCrashLooping", "severity": "warning", "pod": "web-1"},
            "annotations": {"summary": "Pod is crash looping.", "description": "Pod web-1 restarts."},
            "startsAt": "2026-06-01T11:58:00.123456789Z", "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus:9090/graph", "fingerprint": "8f1a2b3c4d5e6f70",
        }
    ],
}  # fmt: skip


def rows(notice: Any) -> list[Any]:
    decoded = alertmanager.decode({"content-type": "application/json"}, orjson.dumps(notice), LIMITS)
    taken = Intake(LIMITS).take(decoded, NOW)
    assert not taken.rejected
    return taken.rows


def changed(**fields: Any) -> dict[str, Any]:
    notice = copy.deepcopy(NOTICE)
    notice["alerts"][0] |= fields
    return notice


def test_an_alert_becomes_an_event_by_its_name_severity_and_words():
    row = rows(NOTICE)[0]
    body = orjson.loads(row.body)
    assert row.type == "alertmanager.alert.firing"
    assert row.source == "http://alertmanager:9093"
    assert row.at.replace(microsecond=0) == datetime(2026, 6, 1, 11, 58, tzinfo=UTC)
    assert (body["domain"], body["severity"], body["pattern"]) == ("alerts", "medium", "KubePodCrashLooping")
    assert body["message"] == "KubePodCrashLooping: Pod is crash looping."
    assert body["data"]["labels"]["pod"] == "web-1"


def test_a_repeated_notification_adds_nothing_and_the_next_firing_does():
    first, again = rows(NOTICE)[0], rows(changed(endsAt="2026-06-01T12:05:00Z"))[0]
    assert first.id == again.id
    assert rows(changed(startsAt="2026-06-01T11:59:00Z"))[0].id != first.id


def test_the_end_of_an_alert_is_a_success_of_the_same_subject_and_kind():
    firing = rows(NOTICE)[0]
    ended = rows(changed(status="resolved", endsAt="2026-06-01T11:59:30Z"))[0]
    body = orjson.loads(ended.body)
    assert ended.type == "alertmanager.alert.resolved"
    assert ended.subject == firing.subject
    assert ended.id != firing.id
    assert body["success"] is True
    assert (body["severity"], body["pattern"]) == ("medium", "KubePodCrashLooping")
    assert ended.at == datetime(2026, 6, 1, 11, 59, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("label", "severity"),
    [("critical", "critical"), ("page", "critical"), ("error", "high"), ("warning", "medium"), ("info", "low"),
     ("none", "low"), ("purple", "medium"), (None, "medium")],
)  # fmt: skip
def test_severity_labels_are_mapped(label, severity):
    labels = {"alertname": "A"} | ({"severity": label} if label else {})
    assert orjson.loads(rows(changed(labels=labels))[0].body)["severity"] == severity


def test_an_alert_that_has_fired_for_years_is_taken_now():
    assert rows(changed(startsAt="2018-08-03T09:52:26.739266876+02:00"))[0].at == NOW


def test_a_broken_alert_costs_only_itself():
    notice = changed()
    notice["alerts"] += [5, {"labels": []}, {"status": "dancing"}]
    decoded = alertmanager.decode({}, orjson.dumps(notice), LIMITS)
    taken = Intake(LIMITS).take(decoded, NOW)
    assert len(taken.rows) == 1
    assert [item.field for item in taken.rejected] == ["alerts[1]", "alerts[2].labels", "alerts[3].status"]


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"alerts": 5}', b"nope"])
def test_what_is_no_notification_is_refused(body):
    with pytest.raises(InvalidInput):
        alertmanager.decode({}, body, LIMITS)
