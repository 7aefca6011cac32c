"""A person's word on one cluster: acknowledge, silence, resolve, reopen, severity, clear; each comes to an end.

Every function changes the cluster and returns whether that changed anything: a repeat does not.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from grace_ray.core.clock import to_us
from grace_ray.core.cluster import Override
from grace_ray.core.errors import InvalidInput
from grace_ray.core.event import SEVERITIES
from grace_ray.diagnose.live_cluster import LiveCluster

DEFAULT_FOR_S = {"acknowledge": 86_400.0, "silence": 3_600.0, "severity": 7 * 86_400.0}
_LONGEST_S = 366 * 86_400.0
_TEXT_LONGEST = 2_000
_REPEAT_S = 60.0  # the same word again within this time is a repeat, not a prolongation


def acknowledge(live: LiveCluster, args: Mapping[str, Any], now: datetime) -> bool:
    """A person looks after it: no mission is launched until the word ends."""
    return _put(live, word_of("acknowledge", args, now))


def silence(live: LiveCluster, args: Mapping[str, Any], now: datetime) -> bool:
    """It counts on, but launches nothing and is no longer shown as open until the word ends."""
    return _put(live, word_of("silence", args, now))


def severity(live: LiveCluster, args: Mapping[str, Any], now: datetime) -> bool:
    """Set the severity that its urgency is judged by, whatever events say; ``value`` is one of SEVERITIES."""
    word = word_of("severity", args, now)
    if word.value not in SEVERITIES:
        raise InvalidInput(f"value must be one of {', '.join(SEVERITIES)}.", "value")
    changed = _put(live, word)
    live.severity = word.value
    return changed


def resolve(live: LiveCluster, args: Mapping[str, Any], now: datetime) -> bool:
    """It is over, or was a false positive. Until its end, like events do not reopen it; without one, the next does."""
    word = word_of("resolve", args, now)
    changed = _put(live, word) if word.until is not None else False
    if live.status != "resolved":
        live.status, live.resolved_us, live.resolved_by = "resolved", to_us(now), word.by
        changed = True
    return changed


def reopen(live: LiveCluster, args: Mapping[str, Any], now: datetime) -> bool:
    """Take back that it was acknowledged, silenced or resolved."""
    kept = [word for word in live.overrides if word.action == "severity"]
    if live.status == "open" and kept == live.overrides:
        return False
    live.overrides, live.resolved_us, live.resolved_by = kept, None, ""
    live.status = "open"
    return True


def clear(live: LiveCluster, args: Mapping[str, Any], now: datetime) -> bool:
    """Take back every word, or, where ``value`` names an action, that one."""
    action = args.get("value") or ""
    if action not in ("", "acknowledge", "silence", "resolve", "severity"):
        raise InvalidInput("value must be acknowledge, silence, resolve or severity, or be left out.", "value")
    gone = [word for word in live.overrides if not action or word.action == action]
    for word in gone:
        end(live, word)
    return bool(gone)


ACTIONS = {
    "acknowledge": acknowledge,
    "silence": silence,
    "severity": severity,
    "resolve": resolve,
    "reopen": reopen,
    "clear": clear,
}


def end(live: LiveCluster, word: Override) -> None:
    """End one word; what sensors say holds again."""
    live.overrides = [kept for kept in live.overrides if kept is not word]
    if word.action == "severity":
        live.severity = sensed_severity(live)
    live.status = settled(live)


def expired(live: LiveCluster, now_us: int) -> list[Override]:
    """Return the words whose end has come."""
    return [word for word in live.overrides if word.until is not None and to_us(word.until) <= now_us]


def settled(live: LiveCluster) -> str:
    """Return the status that its words, and nothing else, give a cluster that is not merged."""
    if live.status in ("resolved", "merged"):
        return live.status
    return stance(live)


def stance(live: LiveCluster) -> str:
    """Return the status of an unresolved cluster under its words."""
    actions = {word.action for word in live.overrides}
    if "silence" in actions:
        return "silenced"
    return "acknowledged" if "acknowledge" in actions else "open"


def sensed_severity(live: LiveCluster) -> str:
    """Return the severity that its key names."""
    return live.key[len(live.domain) + 1 :].split(":", 1)[0]


def word_of(action: str, args: Mapping[str, Any], now: datetime) -> Override:
    """Return the override that a request asks for. Raises InvalidInput naming the field at fault."""
    return Override(
        action=action,
        by=text_arg(args, "by") or "operator",
        at=now,
        until=_until(action, args, now),
        note=text_arg(args, "note"),
        value=text_arg(args, "value"),
    )


def text_arg(args: Mapping[str, Any], name: str) -> str:
    """Return a text argument, empty where it is missing."""
    value = args.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > _TEXT_LONGEST:
        raise InvalidInput(f"{name} must be a text of at most {_TEXT_LONGEST} characters.", name)
    return value


def _until(action: str, args: Mapping[str, Any], now: datetime) -> datetime | None:
    until, for_s = args.get("until"), args.get("for_s")
    if until is not None:
        return _time(until, now)
    if for_s is None:
        for_s = DEFAULT_FOR_S.get(action)
    if for_s is None:
        return None
    if isinstance(for_s, bool) or not isinstance(for_s, int | float) or not math.isfinite(for_s):
        raise InvalidInput("for_s must be a number of seconds.", "for_s")
    if not 0 < for_s <= _LONGEST_S:
        raise InvalidInput(f"for_s must be above 0 and at most {_LONGEST_S:.0f} seconds.", "for_s")
    return now + timedelta(seconds=for_s)


def _time(until: Any, now: datetime) -> datetime:
    try:
        found = until if isinstance(until, datetime) else datetime.fromisoformat(until)
    except (TypeError, ValueError) as error:
        raise InvalidInput("until must be an RFC 3339 time.", "until") from error
    if found.tzinfo is None:
        raise InvalidInput("until must name its offset from UTC, such as Z.", "until")
    found = found.astimezone(UTC)
    if not now < found <= now + timedelta(seconds=_LONGEST_S):
        raise InvalidInput("until must be in the future, and within 366 days.", "until")
    return found


def _put(live: LiveCluster, word: Override) -> bool:
    for old in live.overrides:
        if old.action == word.action and _is_repeat(old, word):
            return False
    replaced = {word.action, *({"acknowledge": ("silence",), "silence": ("acknowledge",)}.get(word.action, ()))}
    live.overrides = [*(old for old in live.overrides if old.action not in replaced), word]
    if word.action in ("acknowledge", "silence") and live.status != "resolved":
        live.status = stance(live)
    return True


def _is_repeat(old: Override, word: Override) -> bool:
    if (old.by, old.note, old.value) != (word.by, word.note, word.value) or (old.until is None) != (word.until is None):
        return False
    return old.until is None or word.until is None or abs((old.until - word.until).total_seconds()) <= _REPEAT_S
