"""OTLP/HTTP metrics, in protobuf and in JSON: gauges, sums, histograms and summaries as samples.

A cumulative monotonic sum is a counter; a delta one is a rate per second. A histogram gives its count and sum, and of
a delta one the 50th, 95th and 99th percentile of its time too.
"""

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import orjson
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, Metric

from grace_ray.core.canonical import canonical
from grace_ray.core.errors import InvalidInput
from grace_ray.sense.formats.payload import check_count, inflated, json_value, media_type
from grace_ray.sense.samples import RawSample, RejectedSample
from grace_ray.settings import IntakeSettings

PROTOBUF, JSON = "application/x-protobuf", "application/json"
_DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
_NOT_RECORDED = 1  # of DataPointFlags
_QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
_RESOURCE_LABELS = (("service", "service.name"), ("instance", "service.instance.id"), ("host", "host.name"))


def decode(headers: Mapping[str, str], body: bytes, limits: IntakeSettings) -> list[RawSample | RejectedSample]:
    """Return the samples of an export request. Raises InvalidInput, TooLarge."""
    request = _request(media_type(headers), inflated(headers, body, limits))
    found = list(_samples(request))
    check_count(len(found), limits)
    return [RawSample(place, *sample) for place, sample in enumerate(found)]


def answer(headers: Mapping[str, str], rejected: Sequence[RejectedSample]) -> tuple[str, bytes]:
    """Return content type and body of an ExportMetricsServiceResponse, in the encoding of the request."""
    reason = f"{rejected[0].metric}: {rejected[0].reason}" if rejected else ""
    if media_type(headers) == JSON:
        partial = {"rejectedDataPoints": str(len(rejected)), "errorMessage": reason}
        return JSON, orjson.dumps({"partialSuccess": partial} if rejected else {})
    response = ExportMetricsServiceResponse()
    if rejected:
        response.partial_success.CopyFrom(
            ExportMetricsPartialSuccess(rejected_data_points=len(rejected), error_message=reason)
        )
    return PROTOBUF, response.SerializeToString()


class _Found(NamedTuple):
    """A sample without its place."""

    metric: str
    value: float
    at_us: int | None
    labels: Mapping[str, str]
    is_counter: bool


def _request(kind: str, body: bytes) -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    try:
        if kind == PROTOBUF:
            request.ParseFromString(body)
        elif kind == JSON:
            ParseDict(json_value(body), request, ignore_unknown_fields=True)
        else:
            raise InvalidInput(f"OTLP is sent as {PROTOBUF} or {JSON}, not {kind[:80]!r}.", "content-type")
    except (DecodeError, ParseError, RecursionError, AttributeError, TypeError) as error:
        raise InvalidInput(f"The body is no ExportMetricsServiceRequest: {str(error)[:200]}.", "body") from error
    return request


def _samples(request: ExportMetricsServiceRequest) -> Iterator[_Found]:
    for group in request.resource_metrics:
        resource = _texts(group.resource.attributes)
        common = {label: resource[name] for label, name in _RESOURCE_LABELS if resource.get(name)}
        for scope in group.scope_metrics:
            for metric in scope.metrics:
                yield from _of_metric(metric, common)


def _of_metric(metric: Metric, common: Mapping[str, str]) -> Iterator[_Found]:
    kind = metric.WhichOneof("data")
    data = getattr(metric, kind) if kind else None
    for point in data.data_points if data is not None else ():
        if point.flags & _NOT_RECORDED:
            continue
        labels = {**common, **_texts(point.attributes)}
        at_us = point.time_unix_nano // 1000 or None
        is_delta = getattr(data, "aggregation_temporality", None) == _DELTA
        seconds = (point.time_unix_nano - point.start_time_unix_nano) / 1e9 if is_delta else 0.0
        for ending, value, is_growing in _figures(kind, data, point):
            if ending.startswith("{"):
                yield _Found(metric.name, value, at_us, labels | {"quantile": ending[1:]}, False)
            elif is_growing and is_delta:
                if seconds > 0 and point.start_time_unix_nano:
                    yield _Found(metric.name + ending, value / seconds, at_us, labels, False)
            else:
                yield _Found(metric.name + ending, value, at_us, labels, is_growing)


def _figures(kind: str | None, data: Any, point: Any) -> Iterator[tuple[str, float, bool]]:
    """Return (ending of the name, value, whether it only grows) of each figure of one data point."""
    if kind in ("gauge", "sum"):
        value = point.as_int if point.WhichOneof("value") == "as_int" else point.as_double
        yield "", value, kind == "sum" and data.is_monotonic
        return
    yield "_count", point.count, True
    if kind == "summary" or point.HasField("sum"):
        yield "_sum", point.sum, True
    if kind == "summary":
        for each in point.quantile_values:
            yield f"{{{each.quantile:g}", each.value, False
    elif kind == "histogram" and data.aggregation_temporality == _DELTA and point.count:
        for name, share in _QUANTILES.items():
            if (found := _quantile(point.bucket_counts, point.explicit_bounds, share)) is not None:
                yield f"_{name}", found, False


def _quantile(counts: Sequence[int], bounds: Sequence[float], share: float) -> float | None:
    """Return a quantile by linear interpolation within its bucket, as Prometheus' histogram_quantile does."""
    total = sum(counts)
    if not total or not bounds or len(counts) != len(bounds) + 1:
        return None
    cumulative = list(accumulate(counts))
    bucket = bisect_left(cumulative, share * total)
    if bucket >= len(bounds):
        return float(bounds[-1])
    low = bounds[bucket - 1] if bucket else min(0.0, bounds[0])
    before = cumulative[bucket - 1] if bucket else 0
    inside = counts[bucket]
    found = low + (bounds[bucket] - low) * ((share * total - before) / inside if inside else 1.0)
    return float(found) if math.isfinite(found) else None


def _texts(pairs: Sequence[KeyValue]) -> dict[str, str]:
    return {pair.key: text for pair in pairs if (text := _text(pair.value))}


def _text(value: AnyValue) -> str:
    kind = value.WhichOneof("value")
    if kind is None:
        return ""
    plain = getattr(value, kind)
    if kind == "array_value":
        return canonical([_text(item) for item in plain.values]).decode()
    if kind == "bool_value":
        return "true" if plain else "false"
    return plain.hex() if kind == "bytes_value" else "" if kind == "kvlist_value" else str(plain)
