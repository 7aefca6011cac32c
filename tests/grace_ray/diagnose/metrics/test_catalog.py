"""The catalog of metrics: what ships, and how a mistake in one is named."""

from pathlib import Path

import pytest

from grace_ray import settings, wiring
from grace_ray.core.errors import InvalidInput
from grace_ray.core.metric import CATEGORIES, CRITICAL_METRICS
from grace_ray.diagnose.metrics import catalog

SHIPPED = Path(__file__).parents[4] / "config" / "metrics_catalog.yaml"
ENTRY = """\
  - id: shop.latency
    category: api
    unit: ms
    direction: higher_is_worse
    warning: 5
    critical: 9
    playbooks: [call-webhook]
"""


@pytest.fixture
def load(tmp_path):
    def load(text: str, playbooks=frozenset({"call-webhook", "trim-caches"})) -> catalog.Catalog:
        path = tmp_path / "catalog.yaml"
        path.write_text(text, encoding="utf-8")
        return catalog.load(path, playbooks)

    return load


def test_the_shipped_catalog_has_the_six_critical_metrics_every_category_and_twenty_playbooks():
    shipped = catalog.load(SHIPPED)
    assert len(shipped.metrics) >= 14
    assert all(shipped.get(name) for name in CRITICAL_METRICS)
    assert all(shipped.of_category(category) for category in CATEGORIES)
    named = {playbook for metric in shipped.metrics for playbook in metric.playbooks}
    assert len(named) == 20
    assert all(metric.description and metric.playbooks for metric in shipped.metrics)


def test_it_is_looked_up_by_category_and_by_playbook(load):
    found = load("metrics:\n" + ENTRY + ENTRY.replace("shop.latency", "shop.errors").replace("api", "infra"))
    assert [m.id for m in found.of_category("infra")] == ["shop.errors"]
    assert [m.id for m in found.helped_by("call-webhook")] == ["shop.latency", "shop.errors"]
    assert found.helped_by("trim-caches") == []
    assert found.get("nothing") is None
    assert found.nearest("shop.latncy", ["shop.latency_total"])[:2] == ["shop.latency", "shop.latency_total"]


def test_a_threshold_belongs_to_the_worse_side(load):
    upward, downward = load(
        "metrics:\n"
        + ENTRY
        + ENTRY.replace("shop.latency", "shop.success")
        .replace("higher_is_worse", "lower_is_worse")
        .replace("critical: 9", "critical: 1")
    ).metrics
    assert [upward.band(value) for value in (4.9, 5, 8.9, 9, 1e30)] == [
        "good",
        "warning",
        "warning",
        "critical",
        "critical",
    ]
    assert [downward.band(value) for value in (5.1, 5, 1.1, 1, -1e30)] == [
        "good",
        "warning",
        "warning",
        "critical",
        "critical",
    ]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("metrics:\n  - id: [\n", 3, ["not YAML"]),
        ("", 1, ["mapping"]),
        ("- a\n", 1, ["mapping"]),
        ("metrics: []\n", 1, ["one metric or more"]),
        ("metrics:\n" + ENTRY + "extra: 1\n", 9, ["nothing else"]),
        ("metrics:\n  - just text\n", 2, ["number 1", "mapping"]),
        ("metrics:\n" + ENTRY + "    colour: red\n", 9, ["shop.latency", "colour"]),
        ("metrics:\n" + ENTRY + "    unit: s\n", 9, ["unit", "twice"]),
        ("metrics:\n" + ENTRY + ENTRY, 9, ["shop.latency", "used already", "line 2"]),
        ("metrics:\n" + ENTRY.replace("critical: 9", "critical: 4"), 7, ["shop.latency", "above warning"]),
        ("metrics:\n" + ENTRY.replace("higher", "lower"), 7, ["shop.latency", "below warning"]),
        ("metrics:\n" + ENTRY.replace("higher_is_worse", "up"), 5, ["shop.latency", "direction"]),
        ("metrics:\n" + ENTRY.replace("warning: 5", "warning: .nan"), 6, ["warning", "finite"]),
        ("metrics:\n" + ENTRY.replace("warning: 5", "warning: high"), 6, ["warning", "number"]),
        ("metrics:\n" + ENTRY.replace("warning: 5", "warning: yes"), 6, ["warning", "number"]),
        ("metrics:\n" + ENTRY.replace("warning: 5", 'warning: "5"'), 6, ["warning", "number"]),
        ("metrics:\n" + ENTRY.replace("warning: 5", "warnign: 5"), 6, ["warnign"]),
        ("metrics:\n" + ENTRY.replace("    category: api\n", ""), 2, ["shop.latency", "category"]),
        ("metrics:\n" + ENTRY.replace("shop.latency", "shop latency"), 2, ["shop latency", "id"]),
        ("metrics:\n" + ENTRY.replace("[call-webhook]", "[cal-webhook]"), 8, ["cal-webhook", "call-webhook?"]),
    ],
)
def test_a_mistake_is_named_with_its_file_line_and_entry(load, tmp_path, text, line, words):
    with pytest.raises(InvalidInput) as refusal:
        load(text)
    message = str(refusal.value)
    assert message.startswith(f"{tmp_path / 'catalog.yaml'}:{line}: "), message
    assert all(word in message for word in words), message


@pytest.mark.parametrize("name", ["node_load1", "http.server.request-duration", "shop/latency", "job:rate:5m"])
def test_any_name_that_a_sender_may_use_can_stand_in_the_catalog(load, name):
    assert load("metrics:\n" + ENTRY.replace("shop.latency", name)).get(name) is not None


def test_a_catalog_that_is_not_there_says_so(tmp_path):
    with pytest.raises(InvalidInput, match=r"missing\.yaml"):
        catalog.load(tmp_path / "missing.yaml")


def test_a_start_with_a_mistaken_catalog_stops_and_names_the_line(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("metrics:\n" + ENTRY.replace("call-webhook", "no-such-playbook"), encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"mine\.yaml:8: metric shop\.latency.*no-such-playbook"):
        wiring.prepare_home(settings.load(home=tmp_path / "home", metrics={"catalog": str(path)}))
