"""Prometheus remote-write 1.0: a protobuf WriteRequest, packed with snappy's block format."""

from collections.abc import Iterator, Mapping
from functools import cache
from struct import pack
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from grace_ray.core.errors import InvalidInput
from grace_ray.sense.formats.payload import check_count, media_type, unsnapped
from grace_ray.sense.samples import RawSample, RejectedSample
from grace_ray.settings import IntakeSettings

_COUNTER, _HISTOGRAM, _SUMMARY = 1, 3, 5  # of MetricMetadata.MetricType
_STALE = pack("<Q", 0x7FF0000000000002)  # the NaN by which Prometheus says that a series has ended


def decode(headers: Mapping[str, str], body: bytes, limits: IntakeSettings) -> list[RawSample | RejectedSample]:
    """Return the samples of a WriteRequest, in order. Raises InvalidInput, TooLarge.

    The body is packed with snappy where the headers say so, else it is plain. Buckets of histograms (a label ``le``),
    native histograms and marks of stale series are passed over: they are no fault of the sender, and nothing that Grace
    keeps.
    """
    if media_type(headers) != "application/x-protobuf" or "v2" in headers.get("content-type", ""):
        raise InvalidInput("Remote-write 1.0 is sent as application/x-protobuf.", "content-type")
    if headers.get("content-encoding", "").strip().lower() == "snappy":
        body = unsnapped(body, limits.body_max_bytes)
    request = write_request()
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise InvalidInput("The body is no WriteRequest.", "body") from error
    check_count(sum(len(series.samples) for series in request.timeseries), limits)
    return list(_samples(request))


def _samples(request: Any) -> Iterator[RawSample | RejectedSample]:
    named = [{label.name: label.value for label in series.labels} for series in request.timeseries]
    counting = _counting_names(request, named)
    index = 0
    for series, labels in zip(request.timeseries, named, strict=True):
        metric = labels.pop("__name__", "")
        is_counter = metric.endswith("_total") or metric in counting
        for sample in series.samples:
            if "le" not in labels and pack("<d", sample.value) != _STALE:
                yield RawSample(index, metric, sample.value, sample.timestamp * 1000, labels, is_counter)
            index += 1


def _counting_names(request: Any, named: list[dict[str, str]]) -> set[str]:
    """Return the names that are known to be counters by metadata, or by a histogram's buckets in this request."""
    bases = {metric[: -len("_bucket")] for labels in named if "le" in labels and (metric := labels.get("__name__"))}
    names: set[str] = set()
    for known in request.metadata:
        if known.type == _COUNTER:
            names.add(known.metric_family_name)
        elif known.type in (_HISTOGRAM, _SUMMARY):
            bases.add(known.metric_family_name)
    return names | {base + ending for base in bases for ending in ("_count", "_sum")}


def write_request() -> Any:
    """Return an empty prometheus.WriteRequest message, with the fields that are read here."""
    return _message()()


@cache
def _message() -> Any:
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="remote_write.proto", package="prometheus", syntax="proto3")

    def message(name: str, *fields: tuple[str, int, int, str]) -> None:
        made = file.message_type.add(name=name)
        for field_name, number, kind, of in fields:
            label = field.LABEL_REPEATED if of else field.LABEL_OPTIONAL
            made.field.add(name=field_name, number=number, type=kind, label=label, type_name=of or None)

    many = field.TYPE_MESSAGE
    message("Label", ("name", 1, field.TYPE_STRING, ""), ("value", 2, field.TYPE_STRING, ""))
    message("Sample", ("value", 1, field.TYPE_DOUBLE, ""), ("timestamp", 2, field.TYPE_INT64, ""))
    message("TimeSeries", ("labels", 1, many, ".prometheus.Label"), ("samples", 2, many, ".prometheus.Sample"))
    message("Metadata", ("type", 1, field.TYPE_INT32, ""), ("metric_family_name", 2, field.TYPE_STRING, ""))
    message(
        "WriteRequest", ("timeseries", 1, many, ".prometheus.TimeSeries"), ("metadata", 3, many, ".prometheus.Metadata")
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("prometheus.WriteRequest"))
