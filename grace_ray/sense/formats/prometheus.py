"""What a Prometheus endpoint exposes: text format 0.0.4 and OpenMetrics 1.0, by prometheus_client's own parsers."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as _open_metrics
from prometheus_client.parser import text_string_to_metric_families as _text

from grace_ray.core.errors import InvalidInput
from grace_ray.sense.samples import RawSample

ACCEPT = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
_COUNTING = ("histogram", "summary")


def decode(content_type: str, body: bytes, labels: Mapping[str, str]) -> list[RawSample]:
    """Return the samples of an exposition, with ``labels`` added to each, which win over the exposed ones.

    A histogram gives its count and sum: its buckets, a series each, are not kept. Raises InvalidInput.
    """
    try:
        text = body.decode()
        is_open = content_type.partition(";")[0].strip().lower() == "application/openmetrics-text"
        parse: Callable[[str], Iterable[Metric]] = _open_metrics if is_open else _text
        return list(_samples(parse(text), labels))
    except (ValueError, KeyError, IndexError, OverflowError) as error:
        raise InvalidInput(f"This is no Prometheus exposition: {str(error)[:200]}.", "body") from error


def _samples(families: Iterable[Metric], labels: Mapping[str, str]) -> Iterator[RawSample]:
    index = 0
    for family in families:
        for sample in family.samples:
            name: str = sample.name
            if "le" in sample.labels or name.endswith("_created"):
                continue
            is_counter = family.type == "counter" or name.endswith("_total")
            is_counter = is_counter or (family.type in _COUNTING and name.endswith(("_count", "_sum")))
            at_us = None if sample.timestamp is None else int(float(sample.timestamp) * 1e6)
            yield RawSample(index, name, sample.value, at_us, {**sample.labels, **labels}, is_counter)
            index += 1
