"""grace agents against a real Grace in which some agents are right and others are not."""

import json

import pytest


@pytest.fixture
def told(served, here, tmp_path):
    """The command, before a Grace that was told from two files how 40 recommendations turned out."""
    tracked, judged = tmp_path / "tracked.jsonl", tmp_path / "judged.jsonl"
    with tracked.open("w") as recommendations, judged.open("w") as outcomes:
        for number in range(20):
            for agent, is_good in (("ann", number % 10 != 0), ("bob", number % 10 == 0)):
                name = f"{agent}-{number}"
                item = {"recommendation_id": name, "agent_id": agent, "recommendation_type": "strategy",
                        "confidence_score": 0.9, "correlation_id": f"t{number}"}  # fmt: skip
                recommendations.write(f"{json.dumps(item)}\n")
                outcomes.write(f'{{"recommendation_id": "{name}", "overall_quality_score": {90 if is_good else 10}}}\n')
    assert here("agents", "track", tracked, "-w", "acme").out.startswith("40 accepted, 0 known already, 0 refused.")
    assert here("agents", "evaluate", judged, "-w", "acme", "--json").json["accepted"] == 40
    served.loop.tick()
    return here


def test_agents_are_listed_and_shown_with_how_sure_that_is(told):
    listed = told("agents", "-w", "acme").out.splitlines()
    assert [line.split()[-1] for line in listed] == ["agent", "ann", "bob"]
    assert "90%" in listed[1]
    shown = told("agents", "show", "bob", "-w", "acme").out
    assert "that its next outcome is good (95%: " in shown
    assert "strategy" in shown
    assert "is right" in shown, "its calibration"
    answer = told("agents", "show", "ann", "-w", "acme", "--json").json
    assert (answer["trust"]["sample_size"], answer["profile"]["agent_id"]) == (20, "ann")
    assert [each["agent_id"] for each in told("agents", "list", "-w", "acme", "--json").json["items"]] == ["ann", "bob"]


def test_an_agent_of_another_workspace_is_not_there(told):
    said = told("agents", "show", "ann", "-w", "zoo")
    assert said.code == 1
    assert "Workspace zoo has no agent 'ann'" in str(said.error)
    assert "has no agents yet" in told("agents", "-w", "zoo").out


def test_a_task_is_given_with_reasons(told):
    said = told("agents", "route", "bob", "ann=0.01", "-w", "acme", "--type", "strategy")
    assert said.out.splitlines()[0] in {"ann", "bob"}
    assert said.out.splitlines()[1].startswith("  ")
    answer = told("agents", "route", "bob", "ann=0.01", "-w", "acme", "--type", "strategy", "--json").json
    offers = {offer["agent_id"]: offer for offer in answer["offers"]}
    assert (offers["ann"]["cost"], offers["bob"]["cost"]) == (0.01, 0.0)
    assert offers["ann"]["probability"] > 0.9


def test_a_file_is_sent_as_far_as_it_is_good_and_what_is_not_is_named(told, tmp_path):
    file = tmp_path / "more.jsonl"
    file.write_text('{"agent_id": "eve", "recommendation_id": "e"}\n\n[{"agent_id": "eve", "confidence_score": 2}]\n')
    said = told("agents", "track", file, "-w", "acme")
    assert said.code == 1
    assert "1 accepted, 0 known already, 1 refused." in said.out
    assert "number 2: confidence_score:" in said.out
    file.write_text('{"agent_id": "eve", "recommendation_id": "e"}\nnonsense\n')
    assert "line 2 is not JSON" in str(told("agents", "track", file, "-w", "acme").error)


def test_a_workspace_is_exported_to_a_file_whole(told, tmp_path):
    file = tmp_path / "acme.jsonl"
    assert told("agents", "export", "-w", "acme", "--to", file).code == 0
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert len([line for line in lines if line["view"] == "agent_recommendations"]) == 40
    assert len(told("agents", "export", "-w", "acme").out.splitlines()) == len(lines)
    assert not list(tmp_path.glob("*.part"))


def test_what_was_not_learned_yet_is_said_so(told):
    assert "No pattern holds" in told("agents", "patterns", "-w", "acme").out
    assert "No rules" in told("agents", "rules", "-w", "acme").out
    assert "No learning cycle" in told("agents", "cycles", "-w", "acme").out
