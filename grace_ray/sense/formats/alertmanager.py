"""Alertmanager's webhook, version 4: an event for each alert, and one for each alert that ended."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from grace_ray.core.canonical import canonical
from grace_ray.core.errors import InvalidInput
from grace_ray.sense.derivation import severity_of_word
from grace_ray.sense.formats.payload import check_count, inflated, json_value
from grace_ray.sense.raw import Decoded, RawEvent, Rejected
from grace_ray.settings import IntakeSettings

FIRING, RESOLVED = "alertmanager.alert.firing", "alertmanager.alert.resolved"
_TEXTS = ("summary", "description", "message")
_NOT_A_PATTERN = re.compile(r"[^\w .-]", re.ASCII)


def decode(headers: Mapping[str, str], body: bytes, limits: IntakeSettings) -> Decoded:
    """Return the alerts of a notification as events.

    An alert's id is made of its fingerprint, start and status, so a notification that is repeated adds nothing. The
    end of an alert is a success event with the subject, pattern and severity of its beginning.
    """
    notice = json_value(inflated(headers, body, limits))
    alerts = notice.get("alerts") if isinstance(notice, dict) else None
    if not isinstance(alerts, list):
        raise InvalidInput("An Alertmanager notification is an object with a list of alerts.", "alerts")
    check_count(len(alerts), limits)
    return [_decoded(index, alert, notice) for index, alert in enumerate(alerts)]


def _decoded(index: int, alert: Any, notice: dict[str, Any]) -> RawEvent | Rejected:
    where = f"alerts[{index}]"
    if not isinstance(alert, dict):
        return Rejected(index=index, id="", field=where, reason="An alert is an object.")
    for name in ("labels", "annotations"):
        if not isinstance(alert.get(name, {}), dict):
            return Rejected(index=index, id="", field=f"{where}.{name}", reason=f"An alert's {name} are an object.")
    if alert.get("status", notice.get("status")) not in ("firing", "resolved"):
        return Rejected(index=index, id="", field=f"{where}.status", reason="A status is firing or resolved.")
    try:
        return _event(alert, notice)
    except InvalidInput as error:
        return Rejected(index=index, id="", field=f"{where}.labels", reason=error.message)


def _event(alert: dict[str, Any], notice: dict[str, Any]) -> RawEvent:
    labels, annotations = alert.get("labels", {}), alert.get("annotations", {})
    status = alert.get("status", notice.get("status"))
    name = str(labels.get("alertname") or "alert")
    fingerprint = str(alert.get("fingerprint") or hashlib.sha256(canonical(labels)).hexdigest()[:16])
    said = next((text for key in _TEXTS if isinstance(text := annotations.get(key), str) and text.strip()), "")
    event: RawEvent = {
        "specversion": "1.0",
        "id": f"{fingerprint}-{alert.get('startsAt', '')}-{status}",
        "source": str(notice.get("externalURL") or "alertmanager"),
        "type": FIRING if status == "firing" else RESOLVED,
        "reported": alert.get("startsAt" if status == "firing" else "endsAt"),
        "subject": f"{name}/{fingerprint}",
        "severity": severity_of_word(str(labels.get("severity") or "")) or "medium",
        "pattern": _NOT_A_PATTERN.sub("_", name)[:128],
        "message": f"{name}: {said.strip()}" if said else _line(name, labels),
        "data": {
            "alertname": name,
            "status": status,
            "labels": labels,
            "annotations": annotations,
            "fingerprint": fingerprint,
        },
    }
    event["data"] |= {key: alert[key] for key in ("startsAt", "endsAt", "generatorURL") if alert.get(key)}
    return event


def _line(name: str, labels: Mapping[str, Any]) -> str:
    others = (f"{key}={value}" for key, value in sorted(labels.items()) if key not in ("alertname", "severity"))
    return " ".join([f"{name}:", *others]).removesuffix(":")
