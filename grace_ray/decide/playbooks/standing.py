"""Which playbooks may stand for a choice, with which parameters; and by which rule the others may not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from grace_ray.core.errors import CallerError
from grace_ray.core.metric import Metric
from grace_ray.core.playbook import Playbook
from grace_ray.core.ports import Playbooks
from grace_ray.decide.playbooks.runs import Runs
from grace_ray.decide.playbooks.situation import Situation


@dataclass(slots=True)
class Standing:
    """``allowed``: playbook and parameters by id, in the catalog's order; ``refused``: the rule, by id."""

    allowed: dict[str, tuple[Playbook, Mapping[str, Any]]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def standing(
    situation: Situation, metric: Metric, playbooks: Playbooks, runs: Runs, tried: Sequence[str], now: datetime
) -> Standing:
    """Return who may be chosen for a situation."""
    found = Standing()
    for playbook_id in metric.playbooks:
        if playbook_id in tried:
            found.refused[playbook_id] = "it was tried in this episode already"
            continue
        try:
            playbook = playbooks.get(playbook_id)
            parameters = playbooks.filled(playbook, _parameters(playbook, situation, metric))
        except CallerError as error:
            found.refused[playbook_id] = error.message
            continue
        rule = broken_rule(playbook, parameters, situation.series, runs, now)
        if rule:
            found.refused[playbook_id] = rule
        else:
            found.allowed[playbook_id] = (playbook, parameters)
    return found


def broken_rule(playbook: Playbook, parameters: Mapping[str, Any], subject: str, runs: Runs, now: datetime) -> str:
    """Return the rule that forbids a run now, as a sentence; "" where none does."""
    count = runs.in_last_hour(playbook.id, now)
    if count >= playbook.per_hour:
        return f"{playbook.id} has run {count} times within the hour, and may {playbook.per_hour} times."
    busy = runs.busy_with(subject)
    if busy:
        return f"Run {busy.run_id} of {busy.playbook} acts on {subject} already."
    same = runs.doing(playbook.id, parameters)
    if same:
        return f"Run {same.run_id} does the very same, for {same.subject}."
    waiting = runs.waiting_for(subject)
    if waiting and waiting.playbook == playbook.id:
        return f"Run {waiting.run_id} of {playbook.id} waits for approval already."
    return ""


def _parameters(playbook: Playbook, situation: Situation, metric: Metric) -> dict[str, Any]:
    """Return what a situation says of a playbook's parameters: the labels of its series, and a sentence."""
    sentence = in_words(situation, metric)
    known: dict[str, Any] = {"message": sentence, "reason": sentence, **situation.labels}
    return {name: known[name] for name in playbook.parameters if name in known}


def in_words(situation: Situation, metric: Metric) -> str:
    """Return a situation as a sentence."""
    if situation.is_forecast:
        return (
            f"{situation.series} of {situation.service} is {situation.value:g} {metric.unit} and will leave its good"
            f" band with a probability of {situation.probability:.0%}."
        )
    band = metric.band(situation.value)
    return f"{situation.series} of {situation.service} is {band}: {situation.value:g} {metric.unit}."
