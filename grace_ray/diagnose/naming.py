"""What an event names: the alert it is, the service or host it is about, and other things that its text mentions.

Names are brought to their *stem*, which all replicas share: ``payments-7f9c6d5b4-x2x9z``, ``payments-3`` and
``payments:8080`` are ``payments``. Namespaces, clusters, regions and jobs name too much to tell faults apart: left out.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from grace_ray.diagnose.signal import Signal

_PLACES = ("labels", "attributes", "resource")
_SERVICE_KEYS = (
    "service",
    "service.name",
    "service_name",
    "app",
    "application",
    "component",
    "deployment",
    "database",
    "queue",
    "topic",
    "repository",
    "device",
)
_INSTANCE_KEYS = ("instance", "host", "hostname", "host.name", "node", "pod", "k8s.pod.name", "container", "server")
_WORD = re.compile(r"[A-Za-z][\w.-]*[A-Za-z0-9]")
_CODE = re.compile(r"[A-Z]{1,6}[-_]?\d{2,6}")
_IP = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_PORT = re.compile(r":\d{1,5}$")
_POD = re.compile(r"-(?:[0-9a-f]{6,10}-)?(?=[a-z0-9]*\d)[a-z0-9]{5}$")
_NUMBER = re.compile(r"[-_.]?\d+$")
_NAMES_KEPT = 12
_LONGEST = 100


class Names(NamedTuple):
    """Stems: of the alert name, of the service (else host or subject, else empty), and of all that it names."""

    alert: str
    scope: str
    mentions: tuple[str, ...]


def names_of(signal: Signal, known: Mapping[str, None]) -> Names:
    """Return what an event names; ``known`` are stems that others gave as service or host, to be found in its text."""
    data, found = signal.data, list[str]()
    alert = ""
    sources = [data, *(inner for place in _PLACES if isinstance(inner := data.get(place), Mapping))] if data else []
    for source in sources:
        alert = alert or _text(source.get("alertname"))
        _collect(source, _SERVICE_KEYS, found)
    services = len(found)
    for source in sources:
        _collect(source, _INSTANCE_KEYS, found)
    if signal.entry.subject:
        found.append(stem(signal.entry.subject[:_LONGEST]))
    labelled = len(found)
    for word in _WORD.findall(signal.message):
        if word in known or "-" in word or "_" in word or _CODE.fullmatch(word):
            found.append(word if word in known else stem(word))
    scope = found[0] if services or labelled else next((name for name in found if name in known or "-" in name), "")
    return Names(alert, scope, tuple(dict.fromkeys(filter(None, found)))[:_NAMES_KEPT])


@lru_cache(maxsize=50_000)
def stem(name: str) -> str:
    """Return what all replicas of a thing share in their names.

    >>> [stem(name) for name in ("payments-7f9c6d5b4-x2x9z", "db-3", "10.0.0.7:9100", "web01", "E1042")]
    ['payments', 'db', '10.0.0.7', 'web', 'E1042']
    """
    bare = _PORT.sub("", name)
    if _IP.fullmatch(bare) or _CODE.fullmatch(bare):
        return bare
    short = _POD.sub("", bare)
    short = _NUMBER.sub("", short)
    return short if len(short) > 1 else bare


def _collect(source: Mapping[str, Any], keys: tuple[str, ...], found: list[str]) -> None:
    for key in keys:
        value = source.get(key)
        if value and isinstance(value, str):
            found.append(stem(value[:_LONGEST]))


def _text(value: Any) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""
