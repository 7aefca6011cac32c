"""The chooser: draws a playbook for a situation, and judges the choice once its effect can be seen."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from grace_ray.core.fact import Fact
from grace_ray.core.ids import derived_id
from grace_ray.core.jsonable import to_plain
from grace_ray.core.metric import Metric
from grace_ray.core.playbook import DO_NOTHING, Candidate, Experience, Playbook, Recommendation, Run
from grace_ray.core.sample import labels_of
from grace_ray.decide.playbooks.archive import Verdict, verdict_record
from grace_ray.decide.playbooks.book import Book
from grace_ray.decide.playbooks.choices import Awaited
from grace_ray.decide.playbooks.rewards import badness, reward
from grace_ray.decide.playbooks.runs import SOURCE, Changes, new_run
from grace_ray.decide.playbooks.situation import Situation
from grace_ray.decide.playbooks.standing import standing
from grace_ray.decide.trust.own import trust_delta
from grace_ray.models.choose import Choice

ATTEMPTS_MAX = 6
_STILL_COMING = 0.5  # of the slope that was forecast
_PATIENCE_S = 180.0  # after a choice has settled: how long its metric may take to be measured


class Chooser:
    """Every choice, its candidates and their probabilities stand on the journal before anything is done about it."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def decide(self, situation: Situation, tried: Sequence[str], now: datetime, changes: Changes) -> None:
        """Choose for a situation, unless a choice for its series is still open."""
        if any(choice.series == situation.series for choice in self._book.choices.values()):
            return
        metric = self._book.metrics[situation.diagnosis]
        found = standing(situation, metric, self._book.playbooks, self._book.runs, tried, now)
        candidates = [*found.allowed, *([] if DO_NOTHING in tried and found.allowed else [DO_NOTHING])]
        choice_id = derived_id(situation.at, "choice", situation.finding, str(situation.attempt))
        choice = self._book.learned.choose(situation.cell, candidates, metric.playbooks, choice_id, now)
        reasons = {option.playbook: option.reasons for option in self._ranked(situation.cell, candidates, metric)}
        run = self._run_for(choice, situation, found.allowed, now, changes)
        self._say_choice(choice, situation, found.refused, reasons, run, now, changes)
        if run is not None:
            self._book.runs.add(run, changes)
        self._await(choice, situation, tried, run, now, changes)
        for playbook, rule in found.refused.items():
            if playbook not in tried:
                self._refused(playbook, situation.series, rule, choice_id, now, changes)
        changes.put(*self._book.learned.records())

    def judge(self, choice: Awaited, now: datetime, changes: Changes) -> None:
        """Give a choice its reward, once its metric has been measured; choose again where the trouble lasts."""
        assert choice.settles_at is not None
        assert choice.acted_until is not None
        since = choice.acted_until + (choice.settles_at - choice.acted_until) / 2
        elapsed_s = (since + (now - since) / 2 - choice.at).total_seconds()
        after = self._book.kpis.read(self._book.read(), choice.series, since, now)
        if choice.series not in after:
            if now >= choice.settles_at + timedelta(seconds=_PATIENCE_S):
                self._book.put_choice(replace(choice, status="dropped", note="Its metric was not measured."), changes)
            return
        if choice.was_idle:
            self._book.put_choice(replace(choice, status="dropped", note="Its run found nothing to do."), changes)
            self._try_again(choice, after[choice.series], elapsed_s, now, changes)
            return
        earned = reward(
            self._book.metrics,
            choice.series,
            choice.before,
            after,
            expected=self._expected(choice, elapsed_s),
            acted=choice.playbook != DO_NOTHING,
            has_failed=choice.has_failed,
        )
        experience = Experience(
            experience_id=derived_id(now, "experience", choice.choice_id),
            at=now,
            service=choice.service,
            diagnosis=choice.diagnosis,
            context=choice.context,
            candidates=choice.candidates,
            playbook=choice.playbook,
            kpi_deltas={key: value - choice.before[key] for key, value in after.items() if key in choice.before},
            trust_delta=trust_delta(earned),
            reward=earned,
            run_id=choice.run_id,
        )
        self._book.put_choice(replace(choice, status="judged"), changes)
        self._learn(experience, choice, after, now, changes)
        self._try_again(choice, after[choice.series], elapsed_s, now, changes)

    def _expected(self, choice: Awaited, elapsed_s: float) -> float:
        """Return how bad it would be by now, had it gone on as was forecast."""
        metric, value = self._book.metrics[choice.diagnosis], choice.before[choice.series]
        then = badness(metric, value + choice.slope_per_s * elapsed_s)
        return choice.probability * then + (1 - choice.probability) * badness(metric, value)

    def _try_again(self, choice: Awaited, value: float, elapsed_s: float, now: datetime, changes: Changes) -> None:
        """Choose again for the same episode where its trouble lasts, or goes on coming; not what was tried already."""
        metric = self._book.metrics[choice.diagnosis]
        went = (value - choice.before[choice.series]) / max(elapsed_s, 1.0)
        is_coming = choice.is_forecast and choice.slope_per_s != 0 and went / choice.slope_per_s > _STILL_COMING
        is_there = metric.band(value) != "good"
        if choice.attempt >= ATTEMPTS_MAX or not choice.finding or not (is_there or is_coming):
            return
        again = Situation(
            service=choice.service,
            diagnosis=choice.diagnosis,
            series=choice.series,
            finding=choice.finding,
            at=now,
            value=value,
            slope_per_s=0.0 if is_there else went,
            probability=0.0 if is_there else choice.probability,
            is_forecast=not is_there,
            warning_id=choice.warning_id,
            attempt=choice.attempt + 1,
            labels=labels_of(choice.series),
        )
        tried = (*choice.tried, choice.playbook)
        if standing(again, metric, self._book.playbooks, self._book.runs, tried, now).allowed:
            self.decide(again, tried, now, changes)

    def _ranked(self, cell: str, candidates: Sequence[str], metric: Metric) -> list[Recommendation]:
        return self._book.learned.recommend(cell, candidates, metric.playbooks)

    def _run_for(
        self,
        choice: Choice,
        situation: Situation,
        allowed: Mapping[str, tuple[Playbook, Mapping[str, Any]]],
        now: datetime,
        changes: Changes,
    ) -> Run | None:
        if choice.candidate == DO_NOTHING:
            return None
        playbook, parameters = allowed[choice.candidate]
        waits = playbook.needs_approval or not self._book.settings.automatic
        return new_run(
            playbook,
            derived_id(now, "run", choice.choice_id),
            now,
            subject=situation.series,
            service=situation.service,
            diagnosis=situation.diagnosis,
            status="awaiting_approval" if waits else "pending",
            parameters=parameters,
            choice_id=choice.choice_id,
            cause=situation.finding,
        )

    def _say_choice(
        self,
        choice: Choice,
        situation: Situation,
        refused: Mapping[str, str],
        reasons: Mapping[str, Sequence[str]],
        run: Run | None,
        now: datetime,
        changes: Changes,
    ) -> None:
        options = [
            {
                "playbook": option.candidate,
                "probability": option.probability,
                "expected_reward": option.expected_reward,
                "uncertainty": option.uncertainty,
                "reasons": list(reasons.get(option.candidate, ())),
            }
            for option in choice.options
        ]
        body = {
            "choice_id": choice.choice_id,
            "service": situation.service,
            "diagnosis": situation.diagnosis,
            "series": situation.series,
            "attempt": situation.attempt,
            "context": situation.context(self._book.metrics[situation.diagnosis]),
            "candidates": options,
            "refused": dict(refused),
            "playbook": choice.candidate,
            "propensity": choice.propensity,
            "run_id": run.run_id if run else "",
            "status": run.status if run else "",
            "warning_id": situation.warning_id,
        }
        changes.say(
            Fact(
                id=derived_id(now, choice.choice_id, "playbook.chosen"),
                at=now,
                kind="decision",
                type="playbook.chosen",
                source=SOURCE,
                subject=situation.series,
                trace=situation.finding,
                cause=situation.finding,
                body=body,
            )
        )

    def _await(
        self,
        choice: Choice,
        situation: Situation,
        tried: Sequence[str],
        run: Run | None,
        now: datetime,
        changes: Changes,
    ) -> None:
        metric = self._book.metrics[situation.diagnosis]
        awaited = Awaited(
            choice_id=choice.choice_id,
            status="acting" if run else "settling",
            at=now,
            service=situation.service,
            diagnosis=situation.diagnosis,
            series=situation.series,
            finding=situation.finding,
            playbook=choice.candidate,
            context=situation.context(metric),
            candidates=tuple(
                Candidate(
                    playbook=option.candidate,
                    probability=option.probability,
                    expected_reward=option.expected_reward,
                    uncertainty=option.uncertainty,
                )
                for option in choice.options
            ),
            before={**self._book.before(situation.series, now), situation.series: situation.value},
            slope_per_s=situation.slope_per_s,
            probability=situation.probability,
            is_forecast=situation.is_forecast,
            warning_id=situation.warning_id,
            attempt=situation.attempt,
            tried=tuple(tried),
            run_id=run.run_id if run else "",
            acted_until=None if run else now,
            settles_at=None if run else now + timedelta(seconds=self._book.settings.nothing_settle_s),
            labels=situation.labels,
        )
        self._book.put_choice(awaited, changes)

    def _learn(
        self, experience: Experience, choice: Awaited, after: Mapping[str, float], now: datetime, changes: Changes
    ) -> None:
        changes.put(*self._book.learned.take(experience, choice.choice_id, now))
        run = self._book.runs.get(choice.run_id)
        if run is not None:
            self._book.runs.put(replace(run, before=choice.before, after=after, reward=experience.reward), changes)
        effect = self._book.learned.effect(experience.service, experience.diagnosis, experience.playbook)
        body = {
            **to_plain(experience),
            "choice_id": choice.choice_id,
            "series": choice.series,
            "before": dict(choice.before),
            "after": dict(after),
            "effect": effect,
            "warning_id": choice.warning_id,
        }
        changes.say(rewarded(experience, choice.finding, body, now))

    def _refused(self, playbook: str, subject: str, rule: str, choice_id: str, now: datetime, changes: Changes) -> None:
        verdict = Verdict(
            verdict_id=derived_id(now, "refused", choice_id, playbook),
            at=now,
            category="constitutional",
            verdict="refused",
            run_id="",
            playbook=playbook,
            subject=subject,
            by="grace",
            reason=rule,
        )
        changes.put(verdict_record(verdict))


def rewarded(experience: Experience, cause: str, body: Mapping[str, Any], now: datetime) -> Fact:
    """Return the fact that tells an experience and its reward."""
    return Fact(
        id=derived_id(now, "rewarded", experience.experience_id),
        at=now,
        kind="outcome",
        type="playbook.rewarded",
        source=SOURCE,
        subject=experience.run_id or experience.experience_id,
        trace=cause or experience.run_id or experience.experience_id,
        cause=cause,
        body=body,
    )
