"""Samples in by every door: kept once, refused by name, and found again."""

import json
from datetime import UTC, datetime, timedelta

import cramjam
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from pydantic import SecretStr

from grace_ray.sense.formats import remote_write
from grace_ray.settings import AuthToken

NOW = datetime.now(UTC).replace(microsecond=0)


def sample(metric="shop.latency", value: object = 1.5, ago_s: float = 0, **more) -> dict:
    return {"metric": metric, "value": value, "timestamp": (NOW - timedelta(seconds=ago_s)).isoformat(), **more}


def post(http, *samples: object):
    return http.post("/api/metrics", json={"samples": list(samples)})


def points(http, metric: str) -> list[tuple[str, float]]:
    return [(item["series"], item["value"]) for item in http.get(f"/api/metrics/{metric}/points").json()["items"]]


def test_one_metric_is_shown_and_an_unknown_one_is_404_with_the_nearest(http):
    post(http, sample("shop.new", labels={"zone": "b"}))
    assert http.get("/api/metrics/shop.new").json()["metric"] == "shop.new"
    known = http.get("/api/metrics/api.latency_p95").json()
    assert (known["warning"], known["in_catalog"]) == (500, True)
    unknown = http.get("/api/metrics/api.latency_p59")
    assert unknown.status_code == 404
    assert "api.latency_p95" in unknown.json()["detail"]


def test_every_series_of_a_metric_is_known_however_many_it_has(http, monkeypatch):
    monkeypatch.setattr("grace_ray.core.store._SERIES_PAGE", 10)
    post(http, *(sample("fleet.load", labels={"host": f"h{number:02}"}) for number in range(25)))
    assert len(points(http, "fleet.load")) == 25
    assert points(http, 'fleet.load{host="h24"}') == [('fleet.load{host="h24"}', 1.5)]


def test_samples_are_kept_once_and_found_again(http):
    zone = sample(labels={"zone": 'b "1"'}, ago_s=60)
    assert post(http, sample(), zone).json() == {"accepted": 2, "duplicates": 0, "rejected": []}
    answer = post(http, sample(), zone, sample(value=2, ago_s=30))
    assert answer.status_code == 202
    assert answer.json() == {"accepted": 1, "duplicates": 2, "rejected": []}
    assert points(http, "shop.latency") == [("shop.latency", 2.0), ("shop.latency", 1.5)]
    assert points(http, 'shop.latency{zone="b%20\\"1\\""}') == [('shop.latency{zone="b \\"1\\""}', 1.5)]


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (sample("bad.one", "5"), "number"),
        (sample("bad.one", None), "number"),
        (sample("bad.one", True), "number"),
        (sample("bad.one", 1e300), "1e+30"),
        (sample("bad.one", -(10**400)), "finite"),
        (sample("bad.one", ago_s=400 * 86400), "days back"),
        (sample("bad.one", ago_s=-7200), "ahead"),
        (sample("bad.one") | {"timestamp": "yesterday"}, "RFC 3339"),
        (sample("bad.one") | {"timestamp": "2026-01-01T00:00:00"}, "RFC 3339"),
        (sample("bad.one") | {"timestamp": 1e300}, "range"),
        (sample("bad.one", labels={"a b": "x"}), "label name"),
        (sample("bad.one", labels={"a": 1}), "text"),
        (sample("bad.one", labels={"a": ["x"]}), "text"),
        (sample("bad.one", labels=["a"]), "object"),
        (sample("bad.one", labels={"a": "x" * 300}), "256"),
        (sample("bad.one", labels={"a": "nul\0"}), "printable"),
        (sample("bad.one", labels={f"l{n}": "x" for n in range(33)}), "32"),
        (sample("bad.one", colour="red"), "colour"),
        (sample("bad.one", type="histogram"), "gauge or counter"),
        (sample("bad one"), "name"),
        (sample(""), "name"),
        (sample(7), "name"),
        ("text", "object"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name_and_costs_the_others_nothing(http, bad, word):
    name = bad["metric"] if isinstance(bad, dict) and isinstance(bad["metric"], str) else ""
    alone = post(http, bad)
    assert alone.status_code == 422
    assert alone.json()["rejected"] == [{"index": 0, "metric": name, "reason": alone.json()["rejected"][0]["reason"]}]
    beside = post(http, sample(), bad, sample(ago_s=9)).json()
    assert (beside["accepted"], [each["index"] for each in beside["rejected"]]) == (2, [1])
    assert word in beside["rejected"][0]["reason"]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_that_are_none_are_refused_by_name_though_json_has_none(http, value):
    answer = http.post("/api/metrics", content=f'[{{"metric": "bad.one", "value": {value}}}]')
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("bad.one: A value must be finite")


@pytest.mark.parametrize("body", ["", "{", "[" * 100_000, "7", '{"samples": 7}', '{"points": []}', "\xff"])
def test_a_body_that_cannot_be_read_is_refused(http, body):
    answer = http.post("/api/metrics", content=body.encode("latin-1"))
    assert answer.status_code in (400, 422)
    assert answer.json()["field"] in ("body", "samples")


def test_times_may_be_numbers_or_left_out(http):
    seconds = NOW.timestamp() - 5
    assert post(http, {"metric": "m", "value": 1}, sample("m", 2) | {"timestamp": seconds}).json()["accepted"] == 2
    assert post(http, sample("m", 3, ago_s=5), sample("m", 3) | {"timestamp": seconds * 1000}).json() == {
        "accepted": 0,
        "duplicates": 2,
        "rejected": [],
    }


def test_no_more_series_are_taken_than_the_setting_says(make):
    http = make(metrics={"series_max": 3}).http
    answer = post(http, *(sample(labels={"host": str(number)}) for number in range(5))).json()
    assert (answer["accepted"], [each["index"] for each in answer["rejected"]]) == (3, [3, 4])
    assert "series_max" in answer["rejected"][0]["reason"]
    assert post(http, sample(labels={"host": "0"}, ago_s=5)).json()["accepted"] == 1, "a known series goes on"


def test_a_secret_in_a_label_is_not_kept(http):
    post(http, sample(labels={"url": "https://ann:hunter2@example.org/"}))
    assert "hunter2" not in json.dumps(points(http, "shop.latency"))


def write_request(*series: tuple[dict, list[tuple[float, float]]], counters: tuple[str, ...] = ()) -> bytes:
    request = remote_write.write_request()
    for labels, samples in series:
        made = request.timeseries.add()
        for name, value in labels.items():
            made.labels.add(name=name, value=value)
        for ago_s, value in samples:
            made.samples.add(timestamp=int((NOW.timestamp() - ago_s) * 1000), value=value)
    for name in counters:
        request.metadata.add(type=1, metric_family_name=name)
    return bytes(cramjam.snappy.compress_raw(request.SerializeToString()))


WRITE = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


def test_prometheus_writes_series_and_counters_and_a_retry_adds_nothing(http, house):
    body = write_request(
        ({"__name__": "node_load1", "instance": "h1"}, [(60, 0.5), (0, 0.7)]),
        ({"__name__": "requests_total"}, [(0, 100)]),
        ({"__name__": "grown"}, [(0, 7)]),
        ({"__name__": "took_seconds_bucket", "le": "0.5"}, [(0, 9)]),
        ({"__name__": "took_seconds_count"}, [(0, 9)]),
        counters=("grown",),
    )
    for _ in range(2):
        answer = http.post("/api/v1/write", content=body, headers=WRITE)
        assert answer.status_code == 204, answer.text
    assert points(http, "node_load1") == [('node_load1{instance="h1"}', 0.5), ('node_load1{instance="h1"}', 0.7)]
    kinds = {series.key: series.is_counter for series in house.gateway.reader.series()}
    assert kinds == {
        'node_load1{instance="h1"}': False,
        "requests_total": True,
        "grown": True,
        "took_seconds_count": True,
    }


def test_of_a_remote_write_the_good_is_kept_and_the_bad_is_named(http):
    stale = 0x7FF0000000000002.to_bytes(8, "little")
    import struct

    body = write_request(
        ({"__name__": "gone"}, [(0, struct.unpack("<d", stale)[0])]),
        ({"__name__": "odd"}, [(0, float("nan")), (5, 1.0)]),
    )
    answer = http.post("/api/v1/write", content=body, headers=WRITE)
    assert answer.status_code == 400, "so that Prometheus does not send it again for ever"
    assert "odd" in answer.json()["detail"]
    assert len(answer.json()["rejected"]) == 1, "a series that ended is no fault"
    assert points(http, "odd") == [("odd", 1.0)]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (WRITE, b"not snappy", 415),
        (WRITE, b"\xff\xff\xff\xff\x7f0", 413),
        (WRITE, bytes(cramjam.snappy.compress_raw(b"\x0a\xff\xff\xff")), 400),
        (WRITE | {"Content-Type": "application/json"}, bytes(cramjam.snappy.compress_raw(b"{}")), 415),
        (
            WRITE | {"Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request"},
            write_request(),
            415,
        ),
    ],
)
def test_a_remote_write_that_cannot_be_read_is_refused(http, headers, body, status):
    assert http.post("/api/v1/write", content=body, headers=headers).status_code == status


def otlp_request() -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    group.resource.attributes.add(key="service.name").value.string_value = "shop"
    metrics = group.scope_metrics.add().metrics
    at, start = int(NOW.timestamp() * 1e9), int((NOW.timestamp() - 10) * 1e9)
    metrics.add(name="queue.size").gauge.data_points.add(time_unix_nano=at, as_int=7)
    total = metrics.add(name="orders").sum
    total.is_monotonic, total.aggregation_temporality = True, 2
    total.data_points.add(time_unix_nano=at, start_time_unix_nano=start, as_int=100)
    delta = metrics.add(name="errors").sum
    delta.is_monotonic, delta.aggregation_temporality = True, 1
    delta.data_points.add(time_unix_nano=at, start_time_unix_nano=start, as_double=5)
    took = metrics.add(name="took").histogram
    took.aggregation_temporality = 1
    point = took.data_points.add(time_unix_nano=at, start_time_unix_nano=start, count=100, sum=40)
    point.explicit_bounds.extend([1, 2, 4])
    point.bucket_counts.extend([50, 40, 10, 0])
    point.attributes.add(key="route").value.string_value = "/buy"
    metrics.add(name="bad.gauge").gauge.data_points.add(time_unix_nano=at, as_double=float("inf"))
    return request


@pytest.mark.parametrize("encoding", ["protobuf", "json"])
def test_opentelemetry_sends_gauges_sums_and_histograms(http, house, encoding):
    request = otlp_request()
    if encoding == "protobuf":
        headers, body = {"Content-Type": "application/x-protobuf"}, request.SerializeToString()
    else:
        from google.protobuf.json_format import MessageToJson

        headers, body = {"Content-Type": "application/json"}, MessageToJson(request).encode()
    answer = http.post("/v1/metrics", content=body, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == headers["Content-Type"]
    if encoding == "protobuf":
        partial = ExportMetricsServiceResponse.FromString(answer.content).partial_success
        assert partial.rejected_data_points == 1
        assert "bad.gauge" in partial.error_message
    else:
        assert answer.json()["partialSuccess"]["rejectedDataPoints"] == "1"
    reader = house.gateway.reader
    kept = {p.series: p.value for p in reader.points_after(0, 100)}
    shop, buy = '{service="shop"}', '{route="/buy",service="shop"}'
    assert kept == {
        f"queue.size{shop}": 7,
        f"orders{shop}": 100,
        f"errors{shop}": 0.5,
        f"took_count{buy}": 10,
        f"took_sum{buy}": 4,
        f"took_p50{buy}": 1.0,
        f"took_p95{buy}": 3.0,
        f"took_p99{buy}": pytest.approx(3.8),
    }
    assert [series.key for series in reader.series() if series.is_counter] == [f"orders{shop}"]


def test_the_catalogs_metrics_and_others_are_listed_page_by_page(http):
    post(http, sample())
    listed, after = [], ""
    while after is not None:
        page = http.get("/api/metrics", params={"limit": 5, **({"after": after} if after else {})}).json()
        listed += page["items"]
        after = page["next"]
    assert [each["metric"] for each in listed] == sorted(each["metric"] for each in listed)
    latency = next(each for each in listed if each["metric"] == "api.latency_p95")
    assert latency["category"] == "api"
    assert latency["warning"] < latency["critical"]
    assert "scale-http-up" in latency["playbooks"]


def test_points_come_in_pages_that_miss_nothing(http):
    for zone in "ab":
        post(http, *(sample(value=number, ago_s=number, labels={"zone": zone}) for number in range(25)))
    found, after = [], None
    while True:
        page = http.get("/api/metrics/shop.latency/points", params={"limit": 7, **({"after": after} if after else {})})
        found += page.json()["items"]
        after = page.json()["next"]
        if after is None:
            break
    assert len(found) == 50
    assert len({(item["series"], item["at"]) for item in found}) == 50
    from_ = (NOW - timedelta(seconds=10)).isoformat()
    params = {"from": from_, "to": (NOW - timedelta(seconds=5)).isoformat()}
    some = http.get("/api/metrics/shop.latency/points", params=params).json()["items"]
    assert [item["value"] for item in some] == [10, 10, 9, 9, 8, 8, 7, 7, 6, 6]


@pytest.mark.parametrize("what", ["points", "snapshots"])
def test_an_unknown_metric_is_not_found_and_near_names_are_given(http, what):
    post(http, sample())
    answer = http.get(f"/api/metrics/shop.latncy/{what}")
    assert answer.status_code == 404
    assert "shop.latency" in answer.json()["detail"]
    assert http.get(f"/api/metrics/api.latency_p95/{what}").json()["items"] == [], "known, and without data yet"


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"after": "x"}, "after"),
        ({"from": "x"}, "from"),
        ({"from": "2026-01-01T00:00:00"}, "from"),
        ({"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "from"),
        ({"step": 7}, "step"),
    ],
)
def test_a_bad_question_is_refused_by_field(http, params, field):
    answer = http.get("/api/metrics/api.latency_p95/snapshots", params=params)
    assert answer.status_code == 422
    assert answer.json()["field"] == field


def test_metrics_need_the_scopes_that_events_need(make):
    tokens = tuple(AuthToken(name=name, token=SecretStr(name), scopes=(name,)) for name in ("ingest", "read"))
    http = make(tokens=tokens).http
    for path in ("/api/metrics", "/api/v1/write", "/v1/metrics"):
        statuses = [
            http.post(path, content=b"{}", headers={"Authorization": f"Bearer {name}"}).status_code
            for name in ("read", "ingest", "nobody")
        ]
        assert statuses[0] == 403, path
        assert statuses[1] not in (401, 403), path
        assert statuses[2] == 401, path
    assert http.get("/api/metrics", headers={"Authorization": "Bearer read"}).status_code == 200
