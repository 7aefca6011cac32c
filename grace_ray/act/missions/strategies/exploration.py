"""What a strategy brings back, and how it words its report."""

from collections.abc import Sequence
from dataclasses import dataclass

from grace_ray.core.document import Document, Hit
from grace_ray.core.errors import GraceError, OutsideError, RateLimited, Refused, RuntimeFault
from grace_ray.core.mission import StrategyReport

RELEVANCE_MIN = 0.35
"""Below this a text is not about the question: alerts and the runbooks written for them reach 0.45 and more, the best
runbook for a log line of a system that no runbook is about stays below it in 97 of 100 cases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The report, the passages that may answer (best first), and texts that are new to Grace."""

    report: StrategyReport
    passages: Sequence[Hit] = ()
    documents: Sequence[Document] = ()


def found(strategy: str, passages: Sequence[Hit], detail: str, documents: Sequence[Document] = ()) -> Found:
    """Return what a strategy found, or that it found nothing."""
    sources = tuple(dict.fromkeys(hit.source for hit in passages))
    status = "found" if passages else "nothing"
    report = StrategyReport(strategy=strategy, status=status, detail=detail, sources=sources)
    return Found(report=report, passages=tuple(passages), documents=tuple(documents))


def relevant(hits: Sequence[Hit]) -> list[Hit]:
    """Return the hits that are about the question: a search has a best hit even where nothing is."""
    return [hit for hit in hits if hit.relevance is None or hit.relevance >= RELEVANCE_MIN]


def nearest(hits: Sequence[Hit]) -> str:
    """Return in words what came nearest where nothing is relevant; empty where nothing came at all."""
    if not hits:
        return ""
    best = max(hits, key=lambda hit: hit.relevance or 0.0)
    return (
        f"The nearest is {best.title}, with relevance {best.relevance or 0.0:.2f} where {RELEVANCE_MIN:.2f} is needed."
    )


def failed(strategy: str, error: GraceError) -> Found:
    """Return the report of a fault: refused by a policy or a rate limit, unreachable, or an error of our own."""
    if isinstance(error, RateLimited):
        detail = f"{error} It asks to wait {error.retry_after_s:.0f} s."
        return Found(report=StrategyReport(strategy=strategy, status="refused", detail=detail))
    is_outside = isinstance(error, OutsideError | RuntimeFault)
    status = "refused" if isinstance(error, Refused) else "unreachable" if is_outside else "error"
    return Found(report=StrategyReport(strategy=strategy, status=status, detail=str(error)))
