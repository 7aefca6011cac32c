"""Time as microseconds since the epoch, which is how facts are stored and hashed, and as aware UTC datetimes."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(at: datetime) -> int:
    """Return microseconds since the epoch for an aware datetime."""
    return (at - _EPOCH) // _MICROSECOND


def from_us(us: int) -> datetime:
    """Return the aware UTC datetime of ``us`` microseconds since the epoch."""
    return _EPOCH + timedelta(microseconds=us)


def to_text(at: datetime) -> str:
    """Return RFC 3339 text in UTC, such as ``2026-11-21T11:40:00.123456Z``."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def utc_now() -> datetime:
    """Return the wall-clock time; only actors, the CLI and serve_apps call it, the rest takes time as an argument."""
    return datetime.now(UTC)
