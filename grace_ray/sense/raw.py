"""What a format makes of a request: CloudEvents JSON objects, and in the place of an unreadable one why it is so."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from grace_ray.settings import IntakeSettings

RawEvent = dict[str, Any]
"""A CloudEvents 1.0 JSON object as the sender wrote it, not checked yet; Grace's attributes are extensions of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """An event that was not taken.

    ``index`` is its place in the request, ``id`` its own id where it has one, ``field`` what is at fault, ``reason`` a
    sentence. ``code`` is malformed (not readable at all), too_large, or invalid.
    """

    index: int
    id: str
    field: str
    reason: str
    code: str = "invalid"


Decoded = list[RawEvent | Rejected]
"""One item an event, in the order of the request."""

Decode = Callable[[Mapping[str, str], bytes, IntakeSettings], Decoded]
"""A format: headers (names in lower case), body and limits to events.

Raises InvalidInput or TooLarge where the request as a whole cannot be read.
"""
