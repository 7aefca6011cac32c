"""Times that outsiders write: RFC 3339, read exactly, and plausible by our clock."""

import re
from datetime import datetime
from typing import Any

from grace_ray.core.clock import to_us
from grace_ray.core.errors import InvalidInput
from grace_ray.settings import IntakeSettings

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


class Times:
    """Reads times; those further ahead or back than the limits of ``settings`` are refused.

    >>> from datetime import UTC
    >>> Times(IntakeSettings()).read("time", "2026-01-01T00:00:01Z", to_us(datetime(2026, 1, 1, tzinfo=UTC)))
    1767225601000000
    """

    def __init__(self, settings: IntakeSettings) -> None:
        self._settings = settings
        self._future_us = int(settings.future_max_s * 1e6)
        self._past_us = int(settings.past_max_days * 86400e6)

    def read(self, name: str, value: Any, now_us: int) -> int:
        """Return microseconds since the epoch. Raises InvalidInput naming the attribute ``name``."""
        at_us = _rfc3339(name, value)
        if at_us > now_us + self._future_us:
            raise InvalidInput(f"The time {value} lies more than {self._settings.future_max_s:g} s ahead.", name)
        if at_us < now_us - self._past_us:
            raise InvalidInput(f"The time {value} lies more than {self._settings.past_max_days:g} days back.", name)
        return at_us


def _rfc3339(name: str, value: Any) -> int:
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise InvalidInput(f"The attribute {name} must be RFC 3339, such as 2026-01-31T12:00:00Z.", name)
    # RFC 3339 allows leap seconds and a small z, Python does not.
    leap_us = 1_000_000 if value[17:19] == "60" else 0
    text = f"{value[:17]}59{value[19:]}" if leap_us else value
    try:
        return to_us(datetime.fromisoformat(text.replace("z", "Z"))) + leap_us
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f"The time {value} does not exist.", name) from error
