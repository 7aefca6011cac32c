"""What an event names: the alert it is, the service or host it is about, and other things that its text mentions.

Names are brought to their *stem*, which all replicas share: ``payments-7f9c6d5b4-x2x9z``, ``payments-3`` and
``payments:8080`` are ``payments``. Namespaces, clusters, regions and jobs name too much to tell faults apart: left out.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from grace_ray.diagnose.signal import Signal

_PLACES = ("labels", "attributes", "resource")
_SERVICES = (
    "service service.name service_name app application component deployment database queue topic repository device"
)
_INSTANCES = "instance host hostname host.name node pod k8s.pod.name container server"
_ALERTS = ("alertname", "alert_name", "alertName")
_RANKS = {key: rank for rank, key in enumerate((*_SERVICES.split(), *_INSTANCES.split()))}  # the first is the scope
_WORD = re.compile(r"[A-Za-z][\w.-]*[A-Za-z0-9]")
_CODE = re.compile(r"[A-Z]{1,6}[-_]?\d{2,6}")
_IP = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_PORT = re.compile(r":\d{1,5}$")
_POD = re.compile(r"-(?:[0-9a-f]{6,10}-)?(?=[a-z0-9]*\d)[a-z0-9]{5}$")
_NUMBER = re.compile(r"[-_.]?\d+$")
_LONGEST = 100


class Labels(NamedTuple):
    """What the labels of an event name: the alert, and the stems of services, hosts and subject, services first."""

    alert: str
    names: tuple[str, ...]


def labels_named(signal: Signal) -> Labels:
    """Return what an event names without looking at its text; the first of ``names`` is what it is about."""
    alert = ""
    ranked: list[tuple[int, str]] = []
    data = signal.data
    sources = [data] if data else []
    sources += [inner for place in _PLACES if (inner := data.get(place)).__class__ is dict]
    for source in sources:
        for key, value in source.items():
            if key in _RANKS and value and value.__class__ is str:
                ranked.append((_RANKS[key], stem(value[:_LONGEST])))
            elif key in _ALERTS and value.__class__ is str:
                alert = alert or value[:_LONGEST]
    if len(ranked) > 1:
        ranked.sort()
    names = [name for _, name in ranked]
    if signal.entry.subject and not (alert and signal.entry.subject.startswith(alert)):
        names.append(stem(signal.entry.subject[:_LONGEST]))
    return Labels(alert, tuple(names))


def words_named(signal: Signal, known: Mapping[str, None]) -> list[str]:
    """Return what the text of an event names: ``known`` things, and words that are spelled like names or codes."""
    found = []
    for word in _WORD.findall(signal.message):
        if word in known:
            found.append(word)
        elif "-" in word or "_" in word or _CODE.fullmatch(word):
            name = stem(word)
            if name == word or name in known or "-" in name or "_" in name:  # not an id, such as blk_123
                found.append(name)
    return found


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
