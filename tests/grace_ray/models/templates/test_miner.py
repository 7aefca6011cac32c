"""The miner groups lines by template online, remembers within bounds, and obeys what a person taught."""

import csv
import json
import pickle
import random
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace_ray.core.errors import InvalidInput, NotFound
from grace_ray.models.templates import TemplateMiner, parameters

LOGS = Path(__file__).resolve().parents[5] / "shared" / "data" / "logs"
Stream = Callable[..., tuple[list[str], list[int]]]
NAMES = ("ann", "bob", "cid", "dan", "eve")


def group_accuracy(found: Sequence[Hashable], truth: Sequence[Hashable]) -> float:
    ours, theirs = defaultdict(set), defaultdict(set)
    for number, (mine, true) in enumerate(zip(found, truth, strict=True)):
        ours[mine].add(number)
        theirs[true].add(number)
    exact = {frozenset(lines) for lines in theirs.values()}
    return sum(len(lines) for lines in ours.values() if frozenset(lines) in exact) / len(found)


def grouped(lines: Sequence[str]) -> list[str]:
    miner = TemplateMiner()
    return [miner.resolve(match.template_id) for match in miner.learn_many(lines)]


def test_lines_that_differ_in_numbers_and_addresses_are_one_template() -> None:
    miner = TemplateMiner()
    first = miner.learn_one("Connection from 10.0.0.7 port 1 closed")
    second = miner.learn_one("Connection from 10.0.0.8 port 22 closed")
    assert first.is_new
    assert not second.is_new
    assert first.template_id == second.template_id
    assert second.template == "Connection from <*> port <*> closed"


def test_lists_of_any_length_are_one_template() -> None:
    groups = grouped(["delete blk_1", "delete blk_2 blk_3", "delete blk_4 blk_5 blk_6 blk_7"])
    assert len(set(groups)) == 1


def test_a_place_that_holds_many_names_becomes_a_variable_and_old_ids_resolve_to_the_oldest() -> None:
    miner = TemplateMiner()
    matches = miner.learn_many([f"mailbox of user {name} is full" for name in NAMES])
    assert {miner.resolve(match.template_id) for match in matches} == {matches[0].template_id}
    assert miner.templates()[0].text == "mailbox of user <*> is full"
    assert miner.templates()[0].count == len(NAMES)


def test_states_and_verbs_never_become_variables() -> None:
    lines = [
        f"disk of the node is now {state}" for state in ("mounted", "removed", "enabled", "down", "failing", "true")
    ]
    assert len(set(grouped(lines))) == len(lines)


def test_a_name_seen_after_a_word_is_a_name_after_that_word_elsewhere() -> None:
    known = [f"session closed for user {name}" for name in NAMES]
    groups = grouped([*known, "quota of user ann was raised", "quota of user bob was raised"])
    assert groups[-1] == groups[-2]


def test_predicting_learns_nothing() -> None:
    miner = TemplateMiner()
    assert miner.predict_one("unheard of") is None
    miner.learn_one("job 1 done")
    before = miner.state()
    found = miner.predict_one("job 2 done")
    assert found is not None
    assert found.template == "job <*> done"
    assert miner.state() == before


def test_the_variables_of_a_line_can_be_read_back() -> None:
    assert parameters("job <*> took <*>ms", "job 7 took 12ms") == ("7", "12")
    assert parameters("job <*> took <*>ms", "another line") is None


def test_two_runs_and_two_batch_sizes_give_the_same_ids(stream: Stream) -> None:
    lines, _ = stream(3, lines=500)
    one, many = TemplateMiner(), TemplateMiner()
    ids = [one.learn_one(line).template_id for line in lines]
    assert ids == [match.template_id for part in (lines[:7], lines[7:]) for match in many.learn_many(part)]
    assert one.state() == many.state()


def test_a_restored_miner_goes_on_as_if_nothing_had_happened(stream: Stream) -> None:
    lines, _ = stream(4, lines=1_000)
    whole, half, restored = TemplateMiner(), TemplateMiner(), TemplateMiner(max_templates=3)
    whole.learn_many(lines)
    half.learn_many(lines[:500])
    restored.restore(json.loads(json.dumps(half.state())))
    restored.learn_many(lines[500:])
    assert restored.state() == whole.state()
    assert pickle.loads(pickle.dumps(whole)).state() == whole.state()


def test_a_state_of_another_version_is_refused() -> None:
    with pytest.raises(InvalidInput):
        TemplateMiner().restore({"version": 99})


def test_memory_is_bounded_and_the_frequent_templates_stay() -> None:
    miner = TemplateMiner(max_templates=50)
    rng = random.Random(1)
    for number in range(2_000):
        miner.learn_one("the heartbeat of node 7 arrived")
        miner.learn_one(" ".join(rng.choices(("red", "green", "blue", "black", "white", "grey"), k=8)) + f" {number}")
    assert len(miner.templates()) <= 51
    assert miner.templates()[0].count == 2_000


def test_merging_two_miners_adds_their_counts_and_resolves_the_ids_of_both(stream: Stream) -> None:
    lines, _ = stream(5, lines=1_000)
    left, right = TemplateMiner(), TemplateMiner()
    left.learn_many(lines[:500])
    theirs = right.learn_many(lines[500:])
    left.merge(right)
    assert sum(template.count for template in left.templates()) == len(lines)
    known = {template.template_id for template in left.templates()}
    assert {left.resolve(match.template_id) for match in theirs} <= known


def test_what_a_person_merged_counts_as_one_until_it_is_undone() -> None:
    miner = TemplateMiner()
    first, second = miner.learn_many(["link lost on port 1", "cable pulled from port 2"])
    lesson = miner.teach_merge(first.template_id, second.template_id)
    assert miner.learn_one("cable pulled from port 3").template_id == first.template_id
    restored = TemplateMiner()
    restored.restore(json.loads(json.dumps(miner.state())))
    assert restored.learn_one("cable pulled from port 4").template_id == first.template_id
    assert restored.templates()[0].members == (first.template_id, second.template_id)
    restored.unteach(lesson.teaching_id)
    assert restored.learn_one("cable pulled from port 5").template_id == second.template_id


def test_a_merge_survives_the_miner_joining_templates_of_its_own_accord() -> None:
    miner = TemplateMiner()
    other = miner.learn_one("quota gone")
    named = miner.learn_many([f"mailbox of user {name} is full" for name in NAMES[:2]])
    miner.teach_merge(other.template_id, named[1].template_id)
    miner.learn_many([f"mailbox of user {name} is full" for name in NAMES])
    assert miner.learn_one("mailbox of user zoe is full").template_id == other.template_id
    assert len(miner.templates()) == 1


def test_what_a_person_split_is_never_joined_again_until_it_is_undone() -> None:
    miner = TemplateMiner()
    parent = miner.learn_many([f"mailbox of user {name} is full" for name in NAMES])[0].template_id
    lesson = miner.teach_split(parent, "mailbox of user bob is full")
    split = miner.learn_one("mailbox of user bob is full").template_id
    assert split == lesson.other_id != parent
    restored = TemplateMiner()
    restored.restore(json.loads(json.dumps(miner.state())))
    restored.learn_many([f"mailbox of user {name} is full" for name in ("fay", "gus", "hal", "ida", "jon")])
    assert restored.resolve(restored.learn_one("mailbox of user bob is full").template_id) == split
    assert restored.learn_one("mailbox of user ann is full").template_id == parent
    restored.unteach(lesson.teaching_id)
    assert restored.learn_one("mailbox of user bob is full").template_id == parent
    assert restored.resolve(split) == parent


def test_a_line_can_be_split_from_others_of_the_same_masked_form() -> None:
    miner = TemplateMiner()
    parent = miner.learn_one("exit code 0").template_id
    miner.learn_one("exit code 1")
    miner.teach_split(parent, "exit code 137")
    assert miner.learn_one("exit code 137").template_id != parent
    assert miner.learn_one("exit code 138").template_id == parent


def test_teaching_about_what_is_not_known_is_refused() -> None:
    miner = TemplateMiner()
    known = miner.learn_one("exit code 0").template_id
    with pytest.raises(NotFound):
        miner.teach_merge(known, "nothing")
    with pytest.raises(InvalidInput):
        miner.teach_merge(known, known)
    with pytest.raises(InvalidInput):
        miner.teach_split(known, "another line")
    with pytest.raises(NotFound):
        miner.unteach(7)


@given(st.lists(st.text(max_size=80), max_size=30))
@settings(max_examples=60)
def test_any_text_is_learned_and_every_id_resolves_to_a_template(lines: list[str]) -> None:
    miner = TemplateMiner()
    matches = miner.learn_many(lines)
    known = {template.template_id for template in miner.templates()}
    assert {miner.resolve(match.template_id) for match in matches} <= known
    assert sum(template.count for template in miner.templates()) == len(lines)


def test_synthetic_streams_are_grouped_as_they_were_made(stream: Stream) -> None:
    scores = []
    for seed in range(6):
        lines, truth = stream(seed)
        scores.append(group_accuracy(grouped(lines), truth))
    assert sum(scores) / len(scores) > 0.97


def test_everyday_messages_of_well_known_programs_are_never_mixed() -> None:
    blocks = Path(__file__).with_name("everyday.txt").read_text().strip().split("\n\n")
    pairs = [(line, number) for number, block in enumerate(blocks) for line in block.split("\n")]
    random.Random(0).shuffle(pairs)
    found = grouped([line for line, _ in pairs])
    kinds = defaultdict(set)
    for group, (_, kind) in zip(found, pairs, strict=True):
        kinds[group].add(kind)
    assert max(len(mixed) for mixed in kinds.values()) == 1
    assert group_accuracy(found, [kind for _, kind in pairs]) > 0.7


def test_json_lines_are_told_apart_by_their_words() -> None:
    lines = [
        f'{{"level":"info","msg":"{msg}","id":{n}}}' for msg in ("user logged in", "order placed") for n in (1, 22)
    ]
    assert grouped(lines)[0] == grouped(lines)[1] != grouped(lines)[2]
    assert len(set(grouped(lines))) == 2


def test_values_that_say_what_happened_are_kept_apart() -> None:
    lines = [
        f"event={event} user={user} ms=12" for event in ("login", "logout", "signup") for user in ("u1", "u2", "u3")
    ]
    assert len(set(grouped(lines))) == 3


@pytest.mark.skipif(not LOGS.exists(), reason="../shared/data/logs is not here")
def test_every_given_log_is_grouped_well_with_the_one_configuration() -> None:
    scores = {}
    for path in sorted(LOGS.glob("*/*_structured.csv")):
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        scores[path.parent.name] = group_accuracy(grouped([r["Content"] for r in rows]), [r["EventId"] for r in rows])
    assert min(scores.values()) > 0.85
    assert sum(scores.values()) / len(scores) > 0.95
