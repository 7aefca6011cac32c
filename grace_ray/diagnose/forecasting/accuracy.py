"""How right forecasts were: each is kept until what it spoke of has happened, then counted by metric and horizon."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from grace_ray.diagnose.forecasting.history import History
from grace_ray.models.forecast.pool import PoolForecast

_OPEN_MAX = 100
_FIGURES = ("count", "error", "scaled_error", "smape", "inside_80", "inside_95", "pinball")
_FADE = 0.995  # of what a horizon has counted, at each new outcome: half after 138 of them


@dataclass(slots=True)
class Said:
    """One forecast that is not judged to its end.

    ``quantiles`` (horizon, levels); ``version`` is the trained version behind it; ``is_shown``: people saw it, it was
    not made in the shadow; ``judged`` counts the steps that are judged.
    """

    last_us: int
    quantiles: list[list[float]]
    scale: float
    version: str
    is_shown: bool
    judged: int = 0


@dataclass(slots=True)
class Scorebook:
    """One series' forecasts, open ones and sums of how the judged ones went.

    ``by_horizon``: {step (from 1): {count, error, scaled_error, smape, inside_80, inside_95, pinball}}, sums that fade,
    so that they tell of the last few hundred forecasts. ``scaled_error`` is the absolute error over the mean absolute
    step of the history (MASE, Hyndman and Koehler 2006); ``smape`` is 2|e|/(|a|+|f|); ``pinball`` is the mean quantile
    loss over the levels, scaled alike.
    """

    open: list[Said] = field(default_factory=list)
    by_horizon: dict[int, dict[str, float]] = field(default_factory=dict)

    def say(self, history: History, made: PoolForecast, version: str, *, is_shown: bool) -> None:
        """Keep a forecast to be judged."""
        quantiles = np.round(made.quantiles, 9).tolist()
        self.open.append(Said(history.last_us, quantiles, scale_of(history.values), version, is_shown))
        del self.open[:-_OPEN_MAX]

    def judge(self, history: History, levels: Sequence[float]) -> list[dict[str, float]]:
        """Judge what has happened by now; return the scaled pinball losses of each outcome, by version.

        Versions that spoke of one outcome from the same past stand in one dictionary, so that they may be compared.
        """
        losses: dict[tuple[int, int], dict[str, float]] = {}
        step_us = history.step_s * 1_000_000
        for said in self.open:
            since = (history.last_us - said.last_us) // step_us
            reached = min(since, len(said.quantiles))
            for step in range(said.judged, reached):
                place = len(history.values) - since + step
                if place < 0 or not np.isfinite(history.values[place]):
                    continue
                loss = self._count(step + 1, said, float(history.values[place]), levels)
                losses.setdefault((said.last_us, step), {})[said.version] = loss
            said.judged = max(said.judged, reached)
        self.open = [said for said in self.open if said.judged < len(said.quantiles)]
        return list(losses.values())

    def _count(self, step: int, said: Said, actual: float, levels: Sequence[float]) -> float:
        quantiles = said.quantiles[step - 1]
        loss = pinball(quantiles, levels, actual) / said.scale
        if not said.is_shown:
            return loss
        at = dict(zip(levels, quantiles, strict=True))
        error = abs(actual - at[0.5])
        size = abs(actual) + abs(at[0.5])
        news = {
            "count": 1.0,
            "error": error,
            "scaled_error": error / said.scale,
            "smape": 2 * error / size if size > 0 else 0.0,
            "inside_80": float(at[0.1] <= actual <= at[0.9]),
            "inside_95": float(at[0.025] <= actual <= at[0.975]),
            "pinball": loss,
        }
        kept = self.by_horizon.setdefault(step, dict.fromkeys(_FIGURES, 0.0))
        for name, value in news.items():
            kept[name] = kept[name] * _FADE + value
        return loss

    def plain(self) -> dict[str, Any]:
        """Return it in JSON's types; ``from_plain`` takes it."""
        return {
            "open": [[s.last_us, s.quantiles, s.scale, s.version, s.is_shown, s.judged] for s in self.open],
            "by_horizon": {str(step): figures for step, figures in self.by_horizon.items()},
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Scorebook":
        """Return what ``plain`` was made of."""
        return cls(
            [Said(*said) for said in plain["open"]],
            {int(step): dict(figures) for step, figures in plain["by_horizon"].items()},
        )


def pinball(quantiles: Sequence[float], levels: Sequence[float], actual: float) -> float:
    """Return twice the mean quantile loss over the levels (Koenker and Bassett 1978), which is near the CRPS.

    >>> round(pinball([1.0, 2.0, 3.0], [0.1, 0.5, 0.9], 2.0), 4)
    0.1333
    """
    losses = [
        max(level * (actual - quantile), (level - 1) * (actual - quantile))
        for quantile, level in zip(quantiles, levels, strict=True)
    ]
    return 2 * sum(losses) / len(losses)


def scale_of(values: np.ndarray) -> float:
    """Return the mean absolute step of a history, a little above 0 where it never moved."""
    seen = values[np.isfinite(values)]
    if seen.size < 2:
        return max(1e-9, abs(float(seen[-1])) * 0.01) if seen.size else 1.0
    return max(float(np.mean(np.abs(np.diff(seen)))), 1e-9, 1e-6 * float(np.max(np.abs(seen))))


def figures(by_horizon: Mapping[int, Mapping[str, float]], steps: Sequence[int]) -> dict[str, float | None]:
    """Return {count, mae, mase, smape, coverage_80, coverage_95, pinball} over some horizons, None before any outcome.

    >>> figures({}, [1])["mase"] is None
    True
    """
    total = dict.fromkeys(_FIGURES, 0.0)
    for step in steps:
        for name, value in by_horizon.get(step, {}).items():
            total[name] += value
    names = ("mae", "mase", "smape", "coverage_80", "coverage_95", "pinball")
    count = total["count"]
    if count == 0:
        return {"count": 0.0, **dict.fromkeys(names, None)}
    values = (round(total[figure] / count, 6) for figure in _FIGURES[1:])
    return {"count": round(count, 1), **dict(zip(names, values, strict=True))}
