"""The facts that triage derives: findings and decisions, with ids that a repeat after a crash gives again."""

from collections.abc import Mapping
from typing import Any

from grace_ray.core.clock import from_us
from grace_ray.core.fact import Fact
from grace_ray.core.ids import derived_id

SOURCE = "grace/triage"


class Outbox:
    """Collects facts until they are taken."""

    def __init__(self) -> None:
        self._facts: list[Fact] = []

    def finding(self, type_: str, subject: str, at_us: int, cause: str, body: Mapping[str, Any]) -> None:
        """Say what was found about a subject, because of the fact whose id is ``cause`` (empty: time alone)."""
        self._add("finding", type_, subject, at_us, cause, body)

    def decision(
        self, type_: str, subject: str, at_us: int, cause: str, body: Mapping[str, Any], fact_id: str = ""
    ) -> None:
        """Say what was decided."""
        self._add("decision", type_, subject, at_us, cause, body, fact_id)

    def operator(self, action: str, subject: str, at_us: int, by: str, body: Mapping[str, Any]) -> None:
        """Say what a person did."""
        at = from_us(at_us)
        fact_id = derived_id(at, "operator", action, subject, by, repr(sorted(body.items())))
        self._facts.append(
            Fact(
                id=fact_id,
                at=at,
                kind="decision",
                type=f"operator.{action}",
                source=f"grace/operator/{by}",
                subject=subject,
                body=body,
            )
        )

    def take(self) -> list[Fact]:
        """Return what was collected, and start anew."""
        facts, self._facts = self._facts, []
        return facts

    def _add(
        self, kind: str, type_: str, subject: str, at_us: int, cause: str, body: Mapping[str, Any], fact_id: str = ""
    ) -> None:
        at = from_us(at_us)
        self._facts.append(
            Fact(
                id=fact_id or derived_id(at, "triage", type_, subject, cause),
                at=at,
                kind=kind,
                type=type_,
                source=SOURCE,
                subject=subject,
                trace=subject,
                cause=cause,
                body=body,
            )
        )
