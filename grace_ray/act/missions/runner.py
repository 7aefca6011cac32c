"""What a mission's worker does: strategy after strategy within the budget, then distil what was found."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from grace_ray.act.missions.budget import MissionBudget
from grace_ray.core.document import Document, Hit
from grace_ray.core.errors import GraceError
from grace_ray.core.mission import Findings, Mission, Statement, StrategyReport
from grace_ray.core.ports import Distiller, Exploration, Strategy

DISTILL_SHARE = 0.15
DOCUMENTS_MAX = 20

Progress = Callable[[StrategyReport], None]


def ignore(report: StrategyReport) -> None:
    """Take a progress report and do nothing."""


class Runner:
    """Runs missions, one at a time. ``strategies`` by name; one that is not built reports that it is disabled."""

    def __init__(
        self,
        strategies: Mapping[str, Strategy],
        distiller: Distiller,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._strategies = strategies
        self._distiller = distiller
        self._clock = clock

    def run(
        self, mission: Mission, order: Sequence[str], budget: MissionBudget, progress: Progress = ignore
    ) -> Findings:
        """Try every strategy in order, each with its share of the time left; then return what was learned.

        A strategy that cannot be reached, or fails, is a line in the report and the mission goes on. A cancelled
        mission returns what it has, without distilling.
        """
        reports: list[StrategyReport] = []
        passages: list[Hit] = []
        documents: list[Document] = []
        for number, name in enumerate(order):
            if budget.is_over():
                break
            share = (1.0 - DISTILL_SHARE) / (len(order) - number)
            report, found, texts = self._explore(name, mission, budget.slice(share))
            passages += found
            documents += texts
            reports.append(report)
            progress(report)
        statements = () if budget.is_cancelled() else self._distill(mission, passages)
        kept = [replace(d, mission_id=mission.mission_id) for d in documents[:DOCUMENTS_MAX]]
        told = f"{summary(reports, statements)} {self._distiller.note if passages else ''}".strip()
        return Findings(reports=tuple(reports), statements=statements, summary=told, documents=tuple(kept))

    def _explore(
        self, name: str, mission: Mission, budget: MissionBudget
    ) -> tuple[StrategyReport, Sequence[Hit], Sequence[Document]]:
        """Run one strategy. Its hits carry the strategy's name as origin, so that the credit goes where it is due."""
        strategy = self._strategies.get(name)
        if strategy is None:
            return StrategyReport(strategy=name, status="disabled", detail="It is switched off."), (), ()
        began = self._clock()
        try:
            found: Exploration = strategy.explore(mission.question, budget)
        except (GraceError, OSError, ValueError, LookupError) as error:
            detail = f"{type(error).__name__}: {error}"
            report = StrategyReport(strategy=name, status="error", detail=detail)
            return replace(report, duration_s=round(self._clock() - began, 3)), (), ()
        report = replace(found.report, duration_s=round(self._clock() - began, 3))
        return report, [replace(hit, origin=name) for hit in found.passages], found.documents

    def _distill(self, mission: Mission, passages: Sequence[Hit]) -> tuple[Statement, ...]:
        found = self._distiller.distill(mission.question, passages)
        return tuple(
            replace(statement, mission_id=mission.mission_id, cluster_key=mission.cluster_key) for statement in found
        )


def summary(reports: Sequence[StrategyReport], statements: Sequence[Statement]) -> str:
    """Return in a sentence or two what was learned from where, and what could not be asked."""
    sources = dict.fromkeys(statement.source for statement in statements)
    count = len(statements)
    learned = (
        f"Learned {count} statement{'s' * (count != 1)} from {', '.join(sources)}." if count else "Nothing was learned."
    )
    missed = [f"{r.strategy}: {r.status}" for r in reports if r.status not in {"found", "nothing"}]
    empty = [r for r in reports if r.status == "nothing"]
    parts = [learned]
    if empty:
        parts.append(f"Nothing in {', '.join(report.strategy for report in empty)}.")
    if empty and not count:
        parts.append(empty[0].detail)
    if missed:
        parts.append(f"Not asked: {'; '.join(missed)}.")
    return " ".join(parts)
