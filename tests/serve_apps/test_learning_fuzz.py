"""Whatever is said of recommendations: nothing crashes, the trust part goes on, and what was taken is found."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.serve_apps.test_fuzz import JSON
from tests.serve_apps.test_learning import API, house, judge, make, shown, track  # noqa: F401 -- fixtures

NAMES = st.sampled_from(["a", "b", "é/ü", "x y", "..", "%2F"])
NUMBERS = st.one_of(st.floats(0, 1), st.integers(0, 100), st.floats(0, 100), st.sampled_from([1e-7, 1e-300, 0.0]))
TEXTS = st.sampled_from(["", "pool", "password=hunter2", "\u2028", "x" * 190, "-----BEGIN PRIVATE KEY-----"])
TRACKED = st.fixed_dictionaries(
    {"agent_id": NAMES},
    optional={
        "recommendation_id": NAMES,
        "recommendation_type": NAMES | TEXTS,
        "recommendation_content": JSON,
        "confidence_score": NUMBERS | JSON,
        "correlation_id": NAMES | TEXTS,
        "workflow_id": NAMES,
        "evidence": JSON,
        "reasoning": TEXTS,
        "context": st.dictionaries(TEXTS | NAMES, NUMBERS | TEXTS | st.booleans() | JSON, max_size=4) | JSON,
        "latency_ms": NUMBERS | JSON,
        "within_ms": NUMBERS,
        "agent_name": TEXTS,
    },
)
JUDGED = st.fixed_dictionaries(
    {"recommendation_id": NAMES},
    optional={
        "outcome": st.sampled_from(["approved", "partial", "rejected", "pending"]) | JSON,
        "overall_quality_score": NUMBERS | JSON,
        "quality_scores": st.dictionaries(NAMES | st.sampled_from(["accuracy", "secret"]), NUMBERS, max_size=3) | JSON,
        "evaluator_feedback": TEXTS,
        "comparative_rank": NUMBERS,
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TRACKED, max_size=4), st.lists(JUDGED, max_size=4))
def test_no_recommendation_and_no_outcome_breaks_the_loop(house, tracked, judged):  # noqa: F811
    first = track(house.http, *tracked)
    second = judge(house.http, *judged)
    house.loop.tick()
    assert {first.status_code, second.status_code} <= {202, 413, 422}, (first.text, second.text)
    for name in first.json().get("ids", ()):
        assert shown(house.http, name.replace("%", "%25").replace("..", "%2E%2E")).status_code in (200, 404)
    assert house.gateway.reader.follower("trust").cursor == house.gateway.reader.head()
    for path in ("trust-scores", "stats", "export"):
        assert house.http.get(f"{API}/{path}?workspace_id=acme").status_code == 200
