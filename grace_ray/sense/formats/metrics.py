"""Metrics as JSON: {"samples": [{metric, value, timestamp?, labels?, type?}]}, and a bare list of such samples."""

import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from grace_ray.core.clock import to_us
from grace_ray.core.errors import InvalidInput
from grace_ray.sense.formats.payload import check_count, inflated
from grace_ray.sense.samples import RawSample, RejectedSample
from grace_ray.settings import IntakeSettings

_FIELDS = frozenset({"metric", "value", "timestamp", "labels", "type"})
_MILLISECONDS_FROM = 1e11  # as seconds this is the year 5138, as milliseconds 1973
_TIME_MAX_S = 1e13


def decode(headers: Mapping[str, str], body: bytes, limits: IntakeSettings) -> list[RawSample | RejectedSample]:
    """Return the samples of a request. Raises InvalidInput, TooLarge for what cannot be read as a whole."""
    content = _json(inflated(headers, body, limits))
    samples = content.get("samples") if isinstance(content, dict) else content
    if not isinstance(samples, list):
        raise InvalidInput('The body is {"samples": [{"metric", "value", "timestamp", "labels"}]}.', "samples")
    check_count(len(samples), limits)
    return [_sample(index, sample) for index, sample in enumerate(samples)]


def _json(body: bytes) -> Any:
    """Return the body's JSON; NaN and Infinity, which are not JSON, are read so that their metric can be named."""
    try:
        return orjson.loads(body)
    except ValueError as error:
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise InvalidInput(f"The body is not JSON: {error}.", "body") from error


def _sample(index: int, sample: Any) -> RawSample | RejectedSample:
    if not isinstance(sample, dict):
        return RejectedSample(index, "", "A sample is an object.")
    metric = sample.get("metric")
    name = metric[:200] if isinstance(metric, str) else ""
    if unknown := sorted(sample.keys() - _FIELDS):
        return RejectedSample(index, name, f"The field {unknown[0][:40]!r} is not known.")
    if (kind := sample.get("type", "gauge")) not in ("gauge", "counter"):
        return RejectedSample(index, name, "The field type is gauge or counter.")
    try:
        at_us = _time(sample.get("timestamp"))
    except InvalidInput as error:
        return RejectedSample(index, name, error.message)
    return RawSample(index, metric, sample.get("value"), at_us, sample.get("labels"), kind == "counter")


def _time(value: Any) -> int | None:
    """Return microseconds since the epoch, of RFC 3339 text or of seconds or milliseconds since the epoch."""
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value) or abs(value) > _TIME_MAX_S * 1000:
            raise InvalidInput("The timestamp is out of range.", "timestamp")
        return int(value * (1000 if abs(value) >= _MILLISECONDS_FROM else 1_000_000))
    try:
        at = datetime.fromisoformat(value)
    except (ValueError, TypeError):
        at = None
    if at is None or at.tzinfo is None:
        raise InvalidInput("A timestamp is RFC 3339, such as 2026-01-31T12:00:00Z, or seconds since 1970.", "timestamp")
    try:
        return to_us(at)
    except OverflowError as error:
        raise InvalidInput("The timestamp does not exist.", "timestamp") from error
