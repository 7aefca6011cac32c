"""The catalog: twenty playbooks that are right, and mistakes that are refused with file and line."""

import pytest

from grace_ray.act.playbooks.catalog import SHIPPED, Catalog, parse_playbook
from grace_ray.act.playbooks.kinds import KINDS
from grace_ray.core.errors import InvalidInput, NotFound

GOOD = """id: tidy-up
description: Tidy up.
risk: safe
parameters:
  count: 3
  source: null
steps:
  - kind: cancel_missions
    arguments: {count: "{count}"}
  - kind: pause_source
    arguments:
      source: "{source}"
      for_s: 60
"""


@pytest.fixture(scope="module")
def catalog():
    return Catalog.of_folders([])


def test_twenty_playbooks_are_shipped_and_every_kind_of_step_is_used_or_tried(catalog):
    assert len(catalog.all()) == 20
    assert {step.kind for playbook in catalog.all() for step in playbook.steps} >= set(KINDS) - {"restart_actor"}
    assert [path.stem for path in sorted(SHIPPED.glob("*.yaml"))] == [playbook.id for playbook in catalog.all()]


def test_what_cannot_be_taken_back_or_reaches_outside_waits_for_approval(catalog):
    risky = {playbook.id for playbook in catalog.all() if playbook.needs_approval}
    assert risky == {"call-webhook", "cancel-oldest-missions", "drain-node", "prune-old-bodies", "submit-ray-job"}


@pytest.mark.parametrize(
    ("before", "after", "line", "said"),
    [
        ("kind: cancel_missions", "kind: cancel_mission", 8, "did you mean cancel_missions"),
        ('{count: "{count}"}', '{cuont: "{count}"}', 9, "Extra inputs"),
        ('{count: "{count}"}', '{count: "{cuont}"}', 9, "no parameter 'cuont'"),
        ('{count: "{count}"}', '{count: "{count"}', 9, "stands alone"),
        ('"{source}"', '"{source}"\n      foo: 1', 13, "foo"),
        ("risk: safe", "risk: harmless", 3, "needs-approval"),
        ("risk: safe", "risk: safe\nrisk: safe", 4, "twice"),
        ("risk: safe", "risk: safe\nowner: me", 4, "owner"),
        ("count: 3", "count: 0", 9, "greater than or equal to 1"),
        ("for_s: 60", "for_s: .inf", 13, "finite"),
        ("id: tidy-up", "id: Tidy Up", 1, "match"),
        ("id: tidy-up", "id: [", 2, ""),
        ("id: tidy-up", "id: do_nothing", 1, ""),
        ("steps:", "stepz:", 7, "stepz"),
        ("for_s: 60", "for_s: !!python/object/apply:os.system [id]", 13, ""),
    ],
)
def test_a_mistake_is_refused_with_file_and_line(before, after, line, said):
    with pytest.raises(InvalidInput) as caught:
        parse_playbook(GOOD.replace(before, after, 1), "mine/tidy.yaml")
    assert caught.value.message.startswith("mine/tidy.yaml:")
    found = int(caught.value.message.split(":")[1])
    assert abs(found - line) <= (0 if said else 13), caught.value.message
    assert said in caught.value.message


@pytest.mark.parametrize("text", ["", "- 1", "just words", "? [1]\n: 2", "a: &x [*x]", "[" * 1000, "a: *b", "\x00"])
def test_garbage_is_refused_and_never_crashes(text):
    with pytest.raises(InvalidInput, match=r"f\.yaml:\d+: "):
        parse_playbook(text, "f.yaml")


def test_a_folder_of_ones_own_replaces_by_id_and_a_mistake_in_it_stops_the_start(tmp_path):
    (tmp_path / "x.yaml").write_text(GOOD.replace("tidy-up", "vacuum-store"))
    catalog = Catalog.of_folders([tmp_path])
    assert len(catalog.all()) == 20
    assert catalog.get("vacuum-store").description == "Tidy up."
    (tmp_path / "y.yaml").write_text(GOOD.replace("tidy-up", "vacuum-store"))
    with pytest.raises(InvalidInput, match="has the id vacuum-store already"):
        Catalog.of_folders([tmp_path])
    with pytest.raises(InvalidInput, match="no folder"):
        Catalog.of_folders([tmp_path / "nowhere"])


def test_an_unknown_playbook_is_told_with_the_nearest(catalog):
    with pytest.raises(NotFound, match=r"restart-stuck-part"):
        catalog.get("restart-stuck-prat")
    with pytest.raises(NotFound, match=r"The nearest are [a-z-]+, [a-z-]+, [a-z-]+\."):
        catalog.get("zzz")


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"nothing": 1}, "parameters.nothing"),
        ({}, "parameters.source"),
        ({"source": ""}, "parameters.source"),
        ({"source": "a", "count": "many"}, "parameters.count"),
        ({"source": "a", "count": -1}, "parameters.count"),
        ({"source": "a", "count": float("nan")}, "parameters.count"),
        ({"source": "a\0b"}, "parameters.source"),
        ({"source": "a" * 5000}, "parameters.source"),
        ({"source": {"a": 1}}, "parameters.source"),
        ({"source": ["a", ["b"]]}, "parameters.source"),
    ],
)
def test_garbage_parameters_are_refused_naming_the_field(parameters, field):
    playbook = parse_playbook(GOOD, "f.yaml")
    with pytest.raises(InvalidInput) as caught:
        Catalog([playbook]).filled(playbook, parameters)
    assert caught.value.field == field


def test_parameters_keep_their_types_and_defaults():
    playbook = parse_playbook(GOOD, "f.yaml")
    assert Catalog([playbook]).filled(playbook, {"source": "/ci"}) == {"count": 3, "source": "/ci"}
