"""Which trained version speaks: a challenger must win its backtest, then in the shadow, then hold what it promised."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from grace_ray.core.change import Change
from grace_ray.core.fact import Fact
from grace_ray.core.ids import derived_id
from grace_ray.core.jsonable import from_plain, to_plain

ARTEFACT = "temporal_forecaster"
SOURCE = "grace/forecaster"
_BETTER = 0.995  # a challenger's loss must be below this share of the champion's
_WORSE = 1.05  # beyond this share of its predecessor's loss a champion is rolled back


@dataclass(slots=True)
class Duel:
    """Sums of the losses of two versions on the same ``count`` outcomes."""

    champion: float = 0.0
    challenger: float = 0.0
    count: int = 0

    @property
    def ratio(self) -> float:
        """The challenger's loss over the champion's; 1 where there is nothing to judge by."""
        return self.challenger / self.champion if self.count and self.champion > 0 else 1.0


@dataclass(slots=True)
class Throne:
    """The champion (``version`` "": what ships with Grace), the challenger in the shadow, and the changes so far.

    After a promotion the predecessor goes on in the shadow: where it proves better after all, it is put back.
    """

    version: str = ""
    change: Change | None = None  # the one on trial, or under watch after its promotion
    duel: Duel = field(default_factory=Duel)

    @property
    def shadow(self) -> str | None:
        """The version that forecasts beside the champion without being shown, None where there is none."""
        if self.change is None:
            return None
        return self.change.version if self.change.stage == "shadow" else self.change.base

    def propose(self, version: str, scores: Mapping[str, float], now: datetime) -> Change:
        """Take a newly trained version with the ratio of its backtest's loss (``backtest_ratio``) to the champion's."""
        change = Change(
            change_id=derived_id(now, "change", ARTEFACT, version),
            artefact=ARTEFACT,
            version=version,
            base=self.version,
            stage="proposed",
            proposed_at=now,
            moved_at=now,
            scores=scores,
        )
        ratio = scores["backtest_ratio"]
        if ratio >= _BETTER:
            return change.moved("rejected", now, f"In the backtest its loss is {ratio:.3f} of the champion's.")
        self.change = change.moved("shadow", now, f"In the backtest its loss is {ratio:.3f} of the champion's.")
        self.duel = Duel()
        return self.change

    def take(self, outcomes: Iterable[Mapping[str, float]]) -> None:
        """Take what came of forecasts: the losses of each outcome, by version."""
        if self.shadow is None:
            return
        for losses in outcomes:
            if self.version in losses and self.shadow in losses:
                self.duel.champion += losses[self.version]
                self.duel.challenger += losses[self.shadow]
                self.duel.count += 1

    def judge(self, outcomes_min: int, now: datetime) -> Change | None:
        """Return the change that the shadow's figures decide, None while they do not."""
        change = self.change
        if change is None or self.duel.count < outcomes_min:
            return None
        ratio, count = self.duel.ratio, self.duel.count
        if change.stage == "shadow":
            scores = {"shadow_ratio": round(ratio, 4), "shadow_outcomes": float(count)}
            said = f"On {count} outcomes in the shadow its loss is {ratio:.3f} of the champion's."
            self.duel = Duel()
            if ratio >= _BETTER:
                self.change = None
                return change.moved("rejected", now, said, scores)
            self.version = change.version
            self.change = change.moved("promoted", now, said, scores)
            return self.change
        # under watch: the predecessor is in the shadow now, so the ratio is its loss over the champion's
        self.change, self.duel = None, Duel()
        if ratio * _WORSE >= 1:
            return None
        self.version = change.base
        said = f"On {count} outcomes after its promotion its predecessor's loss is {ratio:.3f} of its own."
        return change.moved("rolled_back", now, said, {"watch_ratio": round(ratio, 4)})

    def roll_back(self, now: datetime, why: str) -> Change | None:
        """Put the predecessor back at once, None where nothing is under trial or watch."""
        change, self.change, self.duel = self.change, None, Duel()
        if change is None:
            return None
        if change.stage == "shadow":
            return change.moved("rejected", now, why)
        self.version = change.base
        return change.moved("rolled_back", now, why)

    def plain(self) -> dict[str, Any]:
        """Return it in JSON's types; ``from_plain`` takes it."""
        duel = to_plain(self.duel)
        return {"version": self.version, "change": to_plain(self.change), "duel": duel}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Throne":
        """Return what ``plain`` was made of."""
        change = from_plain(Change, plain["change"]) if plain["change"] else None
        return cls(plain["version"], change, from_plain(Duel, plain["duel"]))


def change_fact(change: Change) -> Fact:
    """Return what the journal says of a change at its stage."""
    return Fact(
        id=derived_id(change.moved_at, change.change_id, change.stage),
        at=change.moved_at,
        kind="change",
        type=f"change.{change.stage}",
        source=SOURCE,
        subject=change.artefact,
        trace=change.change_id,
        body=to_plain(change),
    )
