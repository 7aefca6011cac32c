"""Prometheus expositions, in both text formats."""

import pytest

from grace_ray.core.errors import InvalidInput
from grace_ray.sense.formats.prometheus import decode

TEXT = b"""\
# HELP http_requests_total Requests
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"} 3
# TYPE took_seconds histogram
took_seconds_bucket{le="0.05"} 24054
took_seconds_bucket{le="+Inf"} 144320
took_seconds_sum 53423
took_seconds_count 144320
# TYPE rpc_seconds summary
rpc_seconds{quantile="0.5"} 4773
rpc_seconds_sum 1.7560473e+07
rpc_seconds_count 2693
# TYPE load gauge
load{path="C:\\\\DIR \\"x\\""} -1.5e+3
odd NaN
"""
OPEN = b"""\
# TYPE requests counter
requests_total 17 1520879607.789
requests_created 1520430000.123 1520879607.789
# TYPE size_bytes gauge
# UNIT size_bytes bytes
size_bytes 5
# EOF
"""


def found(kind: str, body: bytes, labels=None) -> dict[tuple[str, ...], tuple[float, bool]]:
    return {
        (raw.metric, *(f"{k}={v}" for k, v in sorted(raw.labels.items()))): (raw.value, raw.is_counter)
        for raw in decode(kind, body, labels or {})
    }


def test_the_text_format_gives_gauges_counters_and_sums_without_buckets():
    samples = found("text/plain; version=0.0.4", TEXT, {"instance": "h1"})
    odd = samples.pop(("odd", "instance=h1"))
    assert odd[0] != odd[0], "left to intake, which refuses it by name"
    assert samples == {
        ("http_requests_total", "code=200", "instance=h1", "method=post"): (1027, True),
        ("http_requests_total", "code=400", "instance=h1", "method=post"): (3, True),
        ("took_seconds_sum", "instance=h1"): (53423, True),
        ("took_seconds_count", "instance=h1"): (144320, True),
        ("rpc_seconds", "instance=h1", "quantile=0.5"): (4773, False),
        ("rpc_seconds_sum", "instance=h1"): (1.7560473e07, True),
        ("rpc_seconds_count", "instance=h1"): (2693, True),
        ("load", "instance=h1", 'path=C:\\DIR "x"'): (-1500, False),
    }


def test_a_time_of_the_exposition_is_kept():
    by_format = [decode("text/plain", TEXT, {})[0].at_us, decode("application/openmetrics-text", OPEN, {})[0].at_us]
    assert by_format == [1395066363000_000, 1520879607789_000]
    assert decode("text/plain", TEXT, {})[1].at_us is None


def test_openmetrics_is_read_by_its_own_rules():
    assert found("application/openmetrics-text; version=1.0.0", OPEN) == {
        ("requests_total",): (17, True),
        ("size_bytes",): (5, False),
    }


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain", b"a{b="),
        ("text/plain", b"a 1 x"),
        ("text/plain", b"\xff"),
        ("text/plain", b"<html>"),
        ("application/openmetrics-text", b"a 1\n"),
        ("application/openmetrics-text", b"a 1 1e400\n# EOF\n"),
    ],
)
def test_what_is_no_exposition_is_refused(kind, body):
    with pytest.raises(InvalidInput, match="exposition"):
        decode(kind, body, {})
