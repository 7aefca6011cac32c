"""Identifiers that sort by time: UUID version 7 (RFC 9562), made from an explicit time and entropy."""

import hashlib
import uuid
from datetime import datetime
from random import Random


def time_id(at: datetime, rng: Random) -> str:
    """Return a UUIDv7 for ``at`` (aware UTC, millisecond resolution) with 74 random bits from ``rng``.

    >>> from datetime import UTC
    >>> time_id(datetime(2026, 1, 1, tzinfo=UTC), Random(1))[:13]
    '019b76da-a800'
    """
    return _uuid7(int(at.timestamp() * 1000), rng.getrandbits(74))


def derived_id(at: datetime, *parts: str) -> str:
    """Return a UUIDv7 whose random bits are a hash of ``parts``: the same inputs give the same id.

    Facts that a follower derives from other facts use it, so that a repeat after a crash is recognised as one.
    """
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return _uuid7(int(at.timestamp() * 1000), int.from_bytes(digest[:10]) >> 6)


def _uuid7(millis: int, bits: int) -> str:
    value = (millis & 0xFFFFFFFFFFFF) << 80 | 0x7 << 76 | (bits >> 62) << 64 | 0b10 << 62 | bits & (1 << 62) - 1
    return str(uuid.UUID(int=value))
