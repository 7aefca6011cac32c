"""The desk: chooses, keeps the rules, survives kills at any moment, and learns from what came of it."""

import json
from datetime import timedelta

import pytest

from grace_ray.core.errors import Conflict, InvalidInput, NotFound, PartAway
from grace_ray.core.metric import Metric
from grace_ray.core.playbook import DO_NOTHING, StepResult
from grace_ray.diagnose.explain import explain
from tests.grace_ray.decide.playbooks.house import House, LoopRecord, MemoryRuntime

RISKY = """id: {id}
description: Risky.
risk: needs-approval
settle_s: 30
steps:
  - kind: set_concurrency
    arguments: {{by: -1, least: 0}}
"""
SAFE = """id: {id}
description: Safe.
risk: safe
per_hour: {per_hour}
settle_s: 30
steps:
{steps}
"""
SCALE = "  - kind: scale_deployment\n    arguments: {application: grace, deployment: api, by: 1, most: 9}\n"
TRIM = "  - kind: trim_memory\n    arguments: {parts: [triage]}\n"


@pytest.fixture
def make(tmp_path):
    made = []
    folder = tmp_path / "own"
    folder.mkdir()

    def make(runtime=None, playbooks=(), metrics=(), **settings):
        """Return a house; a second one over the same home is the same Grace after a kill."""
        for name, text in dict(playbooks).items():
            (folder / f"{name}.yaml").write_text(text)
        house = House(tmp_path / "home", runtime, [folder], metrics, **settings)
        made.append(house)
        return house

    yield make
    for house in made:
        house.reader.close()


@pytest.fixture
def killed(make):
    """Return the house as it is after kill -9: whatever was in memory is gone."""

    def killed(house, **settings):
        house.close()
        after = make(house.runtime, **settings)
        after.now = house.now
        return after

    return killed


def in_trouble(house, until=lambda: True, series="executor.part_silence"):
    """Let the trouble stay, and the house act, until ``until`` says that it is over; return how many runs it took."""
    house.band(series, 95.0)
    for _ in range(200):
        house.carry_out()
        is_over = until()
        house.measure(series, 0.0 if is_over else 120.0)
        house.tick(10)
        if is_over and not house.desk._book.choices:
            return [run.playbook for run in sorted(house.runs(), key=lambda run: run.created_at)]
    raise AssertionError("the trouble was not ended")


# Choosing


def test_trouble_is_met_with_a_playbook_and_the_decision_stands_before_anything_is_done(make):
    house = make()
    house.band("executor.part_silence", 95.0)
    ((name, body),) = house.facts("playbook.chosen")
    names = [candidate["playbook"] for candidate in body["candidates"]]
    assert set(names) == {*house.metrics["executor.part_silence"].playbooks, DO_NOTHING}
    assert sum(candidate["probability"] for candidate in body["candidates"]) == pytest.approx(1)
    assert all(candidate["reasons"] for candidate in body["candidates"])
    assert not house.runtime.done, "nothing has been done yet"
    assert (name, body["diagnosis"], body["service"]) == ("playbook.chosen", "executor.part_silence", "runtime")


def test_a_stuck_part_is_restarted_rewarded_and_the_playbook_is_chosen_more_surely_next_time(make):
    house = make(nothing_settle_s=30)
    before = chance_of(house, "restart-stuck-part")
    house.runtime.silent.add("triage")
    ran = in_trouble(house, lambda: "triage" not in house.runtime.silent)
    assert "restart-stuck-part" in ran
    assert house.runtime.restarted == ["triage"]
    run = next(run for run in house.runs() if run.playbook == "restart-stuck-part")
    assert run.status == "completed"
    assert run.reward > 0.5
    assert run.after["executor.part_silence"] < run.before["executor.part_silence"]
    assert chance_of(house, "restart-stuck-part") > before
    house.runtime.silent.add("triage")
    in_trouble(house, lambda: "triage" not in house.runtime.silent)
    assert chance_of(house, "restart-stuck-part") > 0.5


def chance_of(house, playbook):
    ranked = house.desk.recommend("runtime", "executor.part_silence")
    return next(one.probability for one in ranked if one.playbook == playbook)


def test_what_did_not_help_is_not_tried_again_in_the_same_episode(make):
    house = make(nothing_settle_s=30)
    house.band("executor.part_silence", 95.0)
    for _ in range(150):
        house.carry_out()
        house.measure("executor.part_silence", 120.0)
        house.tick(10)
    chosen = [body["playbook"] for _, body in house.facts("playbook.chosen")]
    assert len(set(chosen)) == len(chosen) >= 4
    assert all(body["reward"] <= 0 for _, body in house.facts("playbook.rewarded"))


def test_doing_nothing_is_judged_too(make):
    metric = Metric(
        id="shop.errors", category="api", unit="percent", direction="higher_is_worse", warning=2, critical=10
    )
    house = make(nothing_settle_s=30, metrics=[metric])
    house.band("shop.errors", 12.0)
    for _ in range(5):
        house.measure("shop.errors", 0.0)
        house.tick(10)
    ((_, told),) = house.facts("playbook.rewarded")
    assert (told["playbook"], told["run_id"]) == (DO_NOTHING, "")
    assert told["reward"] == 1.0, "it ended by itself"


def test_a_forecast_of_trouble_is_acted_on_before_it_comes(make):
    house = make()
    metric = house.metrics["infra.memory_utilization"]
    house.measure(metric.id, 70.0)
    body = {
        "warning_id": "w1", "metric_id": metric.id, "status": "open", "band": "critical", "threshold": 95.0,
        "probability": 0.9, "horizon_minutes": 60, "minutes_to_breach": 25.0, "predicted_value": 97.0, "value": 70.0,
        "confidence": 0.8, "service": "host", "opened_at": house.now.isoformat(),
    }  # fmt: skip
    house.tell("incident.warned", metric.id, body)
    ((_, chosen),) = house.facts("playbook.chosen")
    assert chosen["warning_id"] == "w1"
    assert chosen["context"]["is_forecast"] == 1.0
    assert chosen["context"]["urgency"] == pytest.approx(1 - 25 / 60)


def test_what_lets_a_forecast_trouble_come_on_earns_nothing_and_the_next_is_tried_before_it_is_there(make):
    metric = Metric(
        id="shop.memory", category="infra", unit="MiB", direction="higher_is_worse", warning=600, critical=900,
        service="shop", playbooks=("notify-people", "trim-caches", "vacuum-store"),
    )  # fmt: skip
    texts = {name: SAFE.format(id=name, per_hour=9, steps=TRIM).replace("30", "10") for name in metric.playbooks}
    house = make(playbooks=texts, metrics=[metric], nothing_settle_s=10)
    began = house.now
    body = {
        "warning_id": "w", "metric_id": "shop.memory", "threshold": 600.0, "probability": 0.9, "value": 300.0,
        "minutes_to_breach": 5.0, "predicted_value": 900.0, "service": "shop",
    }  # fmt: skip
    house.measure("shop.memory", 300.0)
    house.tell("incident.warned", "shop.memory", body)
    values = []
    while len(house.facts("playbook.rewarded")) < 3:
        house.carry_out()
        values.append(300.0 + (house.now - began).total_seconds())  # it goes on by 1 MiB/s, whatever is done
        house.measure("shop.memory", values[-1])
        house.tick(1)
        assert len(values) < 200
    earned = [told["reward"] for _, told in house.facts("playbook.rewarded")]
    assert max(values) < 600, "all of it was tried before the threshold"
    assert max(earned) < 0.05, earned
    assert len({told["playbook"] for _, told in house.facts("playbook.rewarded")}) == 3


def test_one_choice_is_open_for_a_series_at_a_time(make):
    house = make()
    house.band("executor.part_silence", 30.0, band="warning")
    house.now += timedelta(seconds=1)
    house.band("executor.part_silence", 95.0, was="warning")
    assert len(house.choices()) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"metric_id": "no.such.metric", "band": "critical", "value": 1},
        {"metric_id": "executor.part_silence", "band": "good", "value": 1},
        {"metric_id": "executor.part_silence", "band": "sideways", "value": None},
    ],
)
def test_findings_that_tell_no_trouble_choose_nothing(make, body):
    house = make()
    house.tell("metric.band_changed", "x", body)
    assert not house.choices()


@pytest.mark.parametrize("value", [float("1e300"), -1e300, None, "many", True])
def test_strange_values_crash_nothing(make, value):
    house = make()
    house.tell(
        "metric.band_changed", "api.latency_p95", {"metric_id": "api.latency_p95", "band": "critical", "value": value}
    )
    assert len(house.choices()) == 1
    house.tick(1000)


# Rules


def test_a_playbook_runs_so_many_times_an_hour_and_the_refusal_is_kept(make):
    house = make(playbooks={"often": SAFE.format(id="often", per_hour=2, steps=TRIM)})
    for number in range(2):
        house.operate("run", playbook="often", subject=f"s{number}", by="ada", key=str(number))
        house.carry_out()
    with pytest.raises(Conflict, match="2 times within the hour"):
        house.operate("run", playbook="often", subject="s3", by="ada", key="3")
    assert house.operate("run", playbook="often", subject="s3", dry_run=True).status == "pending", "a dry run may"
    house.now += timedelta(hours=1, seconds=1)
    assert house.operate("run", playbook="often", subject="s3", by="ada", key="4").status == "pending"


def test_caps_hold_for_what_grace_chooses_and_are_filed_as_constitutional(make):
    text = SAFE.format(id="restart-stuck-part", per_hour=1, steps=TRIM)
    house = make(playbooks={"restart-stuck-part": text})
    house.operate("run", playbook="restart-stuck-part", subject="s", by="ada")
    house.carry_out()
    house.band("executor.part_silence", 95.0)
    ((_, body),) = house.facts("playbook.chosen")
    assert "restart-stuck-part" not in {candidate["playbook"] for candidate in body["candidates"]}
    assert "within the hour" in body["refused"]["restart-stuck-part"]
    verdicts = [json.loads(record.body) for record in house.reader.scan("playbook_verdicts")]
    assert [(v["category"], v["verdict"]) for v in verdicts] == [("constitutional", "refused")]


def test_one_run_acts_on_a_subject_at_a_time(make):
    house = make()
    house.operate("run", playbook="trim-caches", subject="memory", by="ada")
    with pytest.raises(Conflict, match="acts on memory already"):
        house.operate("run", playbook="vacuum-store", subject="memory", by="bob")
    house.operate("run", playbook="vacuum-store", subject="disk", by="bob")


def test_garbage_is_refused_naming_the_field(make):
    house = make()
    for args, field in [
        ({"playbook": "trim-caches", "parameters": {"x": 1}}, "parameters.x"),
        ({"playbook": "call-webhook"}, "parameters.url"),
        ({"playbook": "trim-caches", "parameters": 3}, "parameters"),
        ({"playbook": "trim-caches", "dry_run": "yes"}, "dry_run"),
        ({"playbook": "trim-caches", "subject": "x" * 1000}, "subject"),
        ({}, "playbook"),
    ]:
        with pytest.raises(InvalidInput) as caught:
            house.operate("run", **args)
        assert caught.value.field == field
    with pytest.raises(NotFound, match="trim-caches"):
        house.operate("run", playbook="trim-cache")
    assert not house.runs()


# Approval


def test_a_risky_playbook_waits_and_never_runs_without_a_yes_whatever_restarts(make, killed):
    house = make(playbooks={"risky": RISKY.format(id="risky")})
    run = house.operate("run", playbook="risky", subject="s", by="ada")
    assert run.status == "awaiting_approval"
    for _ in range(3):
        house.carry_out()
        house.tick(60)
        house = killed(house)
    assert house.runs()[0].status == "awaiting_approval"
    assert house.runtime.limit == 3
    house.operate("approve", run_id=run.run_id, by="bob")
    house = killed(house)
    (ended,) = house.carry_out()
    assert (ended.status, ended.approved_by, house.runtime.limit) == ("completed", "bob", 2)
    assert not house.carry_out(), "and never a second time"


def test_a_record_that_says_pending_without_a_yes_does_not_run(make):
    house = make(playbooks={"risky": RISKY.format(id="risky")})
    run = house.operate("run", playbook="risky", subject="s", by="ada")
    house.desk._book.runs._open[run.run_id] = type(run)(**{**as_fields(run), "status": "pending"})
    assert not house.carry_out()
    assert house.desk.run_of(run.run_id).status == "awaiting_approval"
    assert house.runtime.limit == 3


def as_fields(run):
    return {name: getattr(run, name) for name in run.__dataclass_fields__}


def test_where_nothing_is_automatic_safe_playbooks_wait_too(make):
    house = make(automatic=False)
    house.band("executor.part_silence", 95.0)
    runs = house.runs()
    assert all(run.status == "awaiting_approval" for run in runs)
    house.carry_out()
    assert not [what for what in house.runtime.done if what[0] == "restart"]


def test_an_approval_that_nobody_gives_expires_and_is_filed(make):
    house = make(playbooks={"risky": RISKY.format(id="risky")}, approval_expires_s=600)
    run = house.operate("run", playbook="risky", subject="s", by="ada")
    house.tick(599)
    assert house.desk.run_of(run.run_id).status == "awaiting_approval"
    house.tick(2)
    assert house.desk.run_of(run.run_id).status == "cancelled"
    with pytest.raises(Conflict, match="it is cancelled"):
        house.operate("approve", run_id=run.run_id, by="bob")
    verdict = json.loads(house.reader.scan("playbook_verdicts")[0].body)
    assert (verdict["category"], verdict["verdict"]) == ("governance", "expired")


def test_a_rejected_run_never_runs(make):
    house = make(playbooks={"risky": RISKY.format(id="risky")})
    run = house.operate("run", playbook="risky", subject="s", by="ada")
    assert house.operate("reject", run_id=run.run_id, by="bob", note="not now").status == "rejected"
    assert house.operate("reject", run_id=run.run_id, by="bob").status == "rejected"
    with pytest.raises(Conflict):
        house.operate("approve", run_id=run.run_id, by="bob")
    assert not house.carry_out()


def test_what_waits_for_a_yes_does_not_keep_safe_playbooks_off(make):
    house = make(playbooks={"risky": RISKY.format(id="risky")})
    run = house.operate("run", playbook="risky", subject="s", by="ada")
    house.operate("run", playbook="trim-caches", subject="s", by="ada")
    with pytest.raises(Conflict, match="acts on s already"):
        house.operate("approve", run_id=run.run_id, by="bob")


# Kills


def test_killed_between_intent_and_effect_it_is_interrupted_taken_back_and_never_repeated(make, killed):
    house = make(playbooks={"two": SAFE.format(id="two", per_hour=9, steps=SCALE + TRIM)})
    house.operate("run", playbook="two", subject="s", by="ada")
    (run,) = house.starts()
    undo = {"application": "grace", "deployment": "api", "replicas": 1}
    assert LoopRecord(house, run.run_id).begins(0, undo)
    house = killed(house)
    assert not house.carry_out(), "its lease holds still"
    house.tick(16)
    (ended,) = house.carry_out()
    assert (ended.status, [step.status for step in ended.steps]) == ("interrupted", ["undone"])
    assert house.runtime.done == [("scale", "api", 1)], "taken back, and the step was never run"
    house = killed(house)
    house.tick(100)
    assert not house.carry_out()
    assert [name for name, _ in house.facts("playbook.step.started")] == ["playbook.step.started"]


def test_killed_during_the_effect_what_was_done_is_taken_back(make, killed):
    runtime = MemoryRuntime()
    house = make(runtime, playbooks={"two": SAFE.format(id="two", per_hour=9, steps=SCALE + TRIM)})
    house.operate("run", playbook="two", subject="s", by="ada")
    (run,) = house.starts()
    record = LoopRecord(house, run.run_id)
    record.begins(0, {"application": "grace", "deployment": "api", "replicas": 1})
    runtime.scale("grace", "api", 2, 1.0)
    record.ended(0, StepResult(kind="scale_deployment", status="done", detail="2 now."))
    record.begins(1, None)
    house = killed(house)
    house.tick(16)
    (ended,) = house.carry_out()
    assert [step.status for step in ended.steps] == ["undone", "interrupted"]
    assert (ended.status, runtime.counts["grace", "api"]) == ("interrupted", 1)
    assert not [what for what in runtime.done if what[1:2] == ("trim",)]


def test_killed_before_the_first_step_it_ends_as_interrupted(make, killed):
    house = make()
    house.operate("run", playbook="trim-caches", subject="s", by="ada")
    (run,) = house.starts()
    house = killed(house)
    house.tick(16)
    house.carry_out()
    assert house.desk.run_of(run.run_id).status == "interrupted"
    assert not house.runtime.done


def test_killed_while_taking_back_it_goes_on_taking_back(make, killed):
    runtime = MemoryRuntime()
    house = make(runtime, playbooks={"two": SAFE.format(id="two", per_hour=9, steps=SCALE + TRIM)})
    house.operate("run", playbook="two", subject="s", by="ada")
    (run,) = house.starts()
    record = LoopRecord(house, run.run_id)
    record.begins(0, {"application": "grace", "deployment": "api", "replicas": 1})
    runtime.scale("grace", "api", 2, 1.0)
    record.ended(0, StepResult(kind="scale_deployment", status="done"))
    record.begins(1, None)
    record.ended(1, StepResult(kind="trim_memory", status="failed", detail="No."))
    house = killed(house)
    house.tick(16)
    (ended,) = house.carry_out()
    assert (ended.status, runtime.counts["grace", "api"]) == ("failed", 1)


def test_a_choice_made_before_a_kill_is_judged_after_it_and_only_once(make, killed):
    house = make(nothing_settle_s=30)
    house.runtime.silent.add("triage")
    house.band("executor.part_silence", 95.0)
    house.carry_out()
    house = killed(house, nothing_settle_s=30)
    for _ in range(5):
        house.measure("executor.part_silence", 0.0)
        house.tick(35)
        house.measure("executor.part_silence", 0.0)
        house = killed(house, nothing_settle_s=30)
    assert len(house.facts("playbook.rewarded")) == 1
    assert house.desk.statistics(house.now)["experiences"] == 1


def test_a_reported_step_that_is_reported_again_counts_once(make):
    house = make(playbooks={"two": SAFE.format(id="two", per_hour=9, steps=TRIM + TRIM)})
    house.operate("run", playbook="two", subject="s", by="ada")
    (run,) = house.starts()
    record = LoopRecord(house, run.run_id)
    assert record.begins(0, None)
    assert record.begins(0, None), "the answer was lost"
    assert record.ended(0, StepResult(kind="trim_memory", status="done"))
    assert record.ended(0, StepResult(kind="trim_memory", status="done"))
    assert not record.begins(0, None), "what has been done is not begun again"
    assert record.begins(1, None)
    assert record.ended(1, StepResult(kind="trim_memory", status="done"))
    assert len(house.facts("playbook.step")) == 4
    assert house.desk.run_of(run.run_id).status == "completed"


def test_a_run_that_is_renewed_keeps_its_lease(make):
    house = make()
    house.operate("run", playbook="trim-caches", subject="s", by="ada")
    (run,) = house.starts()
    for _ in range(4):
        house.tick(10)
        assert house.do("heartbeat", run.run_id)
        assert not house.do_lost()
    house.tick(16)
    house.held.add(run.run_id)
    assert not house.do_lost(), "its own process holds it"
    house.held.clear()
    house.do_lost()
    assert house.desk.run_of(run.run_id).status == "interrupted"


def test_a_run_that_is_called_off_is_told_so_and_taken_back(make):
    house = make(playbooks={"two": SAFE.format(id="two", per_hour=9, steps=SCALE + TRIM)})
    run = house.operate("run", playbook="two", subject="s", by="ada")
    house.starts()
    record = LoopRecord(house, run.run_id)
    record.begins(0, {"application": "grace", "deployment": "api", "replicas": 1})
    house.runtime.scale("grace", "api", 2, 1.0)
    house.operate("cancel", run_id=run.run_id, by="bob", note="wrong one")
    assert not house.do("heartbeat", run.run_id)
    assert not record.ended(0, StepResult(kind="scale_deployment", status="done"))
    house.runner.undo(house.desk.run_of(run.run_id), record)
    ended = house.desk.run_of(run.run_id)
    assert (ended.status, house.runtime.counts["grace", "api"]) == ("cancelled", 1)
    assert "bob: wrong one" in ended.error


# Learning


def test_others_may_report_what_they_did_and_a_repeat_teaches_nothing(make):
    house = make()
    both = [{"playbook": name, "probability": 0.5} for name in ("restart-shop", DO_NOTHING)]
    for number in range(30):
        house.operate(
            "experience", service="shop", diagnosis="oom", playbook="restart-shop", reward=0.8,
            candidates=both,
            experience_id=f"e{number}",
        )  # fmt: skip
        house.operate(
            "experience", service="shop", diagnosis="oom", playbook="do_nothing", reward=-0.2,
            candidates=both,
            experience_id=f"n{number}",
        )  # fmt: skip
    with pytest.raises(Conflict):
        house.operate(
            "experience", service="shop", diagnosis="oom", playbook="restart-shop", reward=-1, experience_id="e1"
        )
    best, worst = house.desk.recommend("shop", "oom", ["do_nothing", "restart-shop"])
    assert (best.playbook, best.samples, worst.samples) == ("restart-shop", 30, 30)
    assert best.probability > 0.9
    found = house.desk.statistics(house.now)["off_policy"]["policies"]
    assert found["greedy"]["dr"] == pytest.approx(0.8, abs=0.05)
    assert found["do_nothing"]["snips"] == pytest.approx(-0.2)
    assert found["greedy"]["lower"] <= 0.8 + 1e-9
    (policy,) = [one for one in house.desk.policies() if one["service"] == "shop"]
    effect = next(one["effect"] for one in policy["candidates"] if one["playbook"] == "restart-shop")
    assert effect == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"reward": 2}, "reward"),
        ({"reward": float("nan")}, "reward"),
        ({"reward": None}, "reward"),
        ({"service": ""}, "service"),
        ({"candidates": [{"playbook": "other", "probability": 1}]}, "candidates"),
        ({"candidates": [{"playbook": "a", "probability": 0.2}]}, "candidates"),
        ({"candidates": [{"playbook": "a", "probability": -1}]}, "candidates[0].probability"),
        ({"context": {"x": float("inf")}}, "context.x"),
    ],
)
def test_garbage_experiences_are_refused_naming_the_field(make, changed, field):
    house = make()
    with pytest.raises(InvalidInput) as caught:
        house.operate("experience", **{"service": "s", "diagnosis": "d", "playbook": "a", "reward": 0.5, **changed})
    assert caught.value.field == field


def test_the_moving_average_gives_the_newest_reward_a_weight_of_three_tenths(make):
    house = make()
    for number, reward in enumerate((1.0, 0.0, 0.5)):
        house.operate("experience", service="s", diagnosis="d", playbook="a", reward=reward, experience_id=str(number))
    (policy,) = house.desk.policies()
    found = next(one for one in policy["candidates"] if one["playbook"] == "a")
    assert found["moving_average"] == pytest.approx(0.7 * (0.7 * 1.0 + 0.3 * 0.0) + 0.3 * 0.5)
    assert (found["samples"], found["mean_reward"]) == (3, pytest.approx(0.5))


def test_recommendations_name_what_is_not_known(make):
    house = make()
    with pytest.raises(NotFound, match="restart-stuck-part"):
        house.desk.recommend("s", "d", ["restart-stuck-prat"])
    with pytest.raises(InvalidInput):
        house.desk.recommend("", "d")


def test_a_playbook_that_fails_earns_less_than_nothing_and_triage_hears_of_it(make):
    def refuse(*what):
        raise PartAway("It did not come back.")

    runtime = MemoryRuntime()
    runtime.silent.add("triage")
    runtime.on["restart"] = refuse
    house = make(runtime)
    house.measure("executor.part_silence", 95.0)
    run = house.operate("run", playbook="restart-stuck-part", subject="executor.part_silence", by="ada")
    (ended,) = house.carry_out()
    assert (ended.status, "did not come back" in ended.error) == ("failed", True)
    for _ in range(10):
        house.measure("executor.part_silence", 0.0)
        house.tick(10)
    assert house.desk.run_of(run.run_id).reward < 0, "that it got better was not its doing"
    assert [entry.type for entry in house.reader.entries(0, 1000) if entry.kind == "event"] == ["playbook.failed"]


def test_a_run_that_finds_nothing_to_do_teaches_nothing(make):
    house = make()
    house.measure("executor.part_silence", 95.0)
    run = house.operate("run", playbook="restart-stuck-part", subject="executor.part_silence", by="ada")
    (ended,) = house.carry_out()
    assert (ended.status, ended.steps[0].status) == ("completed", "skipped")
    assert ended.steps[0].detail == "Every part answers: none is stuck."
    for _ in range(12):
        house.measure("executor.part_silence", 0.0)
        house.tick(10)
    assert house.desk.run_of(run.run_id).reward is None
    assert not house.facts("playbook.rewarded")
    assert [choice["status"] for choice in house.choices()] == ["dropped"]


def test_every_journal_fact_of_a_run_is_in_order_and_files_are_made_of_records(make):
    from grace_ray.decide.playbooks.archive import newest_files

    house = make(playbooks={"risky": RISKY.format(id="risky")})
    house.measure("executor.queue_depth", 200.0)
    run = house.operate("run", playbook="risky", subject="executor.queue_depth", by="ada")
    house.operate("approve", run_id=run.run_id, by="bob")
    house.carry_out()
    for _ in range(10):
        house.measure("executor.queue_depth", 10.0)
        house.tick(10)
    told = [name for name, body in house.facts("playbook.") if body.get("run_id") == run.run_id]
    assert told == [
        "playbook.run.requested", "playbook.run.approved", "playbook.run.started", "playbook.step.started",
        "playbook.step.ended", "playbook.run.completed", "playbook.rewarded",
    ]  # fmt: skip
    files = dict(newest_files(house.reader, 100))
    assert {path.split("/")[0] for path in files} == {"errors_fixed", "governance"}
    path, content = next((p, c) for p, c in files.items() if p.startswith("errors_fixed/2026-05-04/"))
    assert "_incident_" in path
    assert json.loads(content)["playbook"] == "risky"
    assert dict(newest_files(house.reader, 100)) == files


def test_a_run_is_explained_with_all_that_could_have_been_chosen(make):
    house = make()
    house.runtime.silent.add("triage")
    in_trouble(house, lambda: "triage" not in house.runtime.silent)
    run = next(run for run in house.runs() if run.playbook == "restart-stuck-part")
    found = explain(house.reader, run.run_id)
    said = " ".join(found["answer"])
    assert found["kind"] == "playbook run"
    assert "do_nothing had a chance of" in said
    assert "restart_actor is done: triage was restarted." in said
    assert "It earned +" in said
    assert {"playbook.chosen", "playbook.run.started", "playbook.step.started"} <= {f["type"] for f in found["facts"]}
