"""How right forecasts were: each is kept until what it spoke of has happened, then counted by metric and horizon."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from grace_ray.diagnose.forecasting.history import History
from grace_ray.models.forecast.pool import PoolForecast

_OPEN_MAX = 100
_FIGURES = ("count", "error", "smape", "inside_80", "inside_95", "scaled", "scaled_error", "pinball")
_FADE = 0.995  # of what a horizon has counted, at each new outcome: half after 138 of them
_SCALE_MIN = 12  # values of which the typical step can be told
_LOSS_MAX = 20.0  # in typical steps: a burst beyond says nothing of which version is the better one


@dataclass(slots=True)
class Said:
    """One forecast that is not judged to its end.

    ``quantiles`` (horizon, levels); ``scale`` is the history's typical step, 0 where it had none; ``version`` is the
    trained version behind it; ``is_shown``: people saw it, it was not made in the shadow; ``judged`` counts the steps
    that are judged.
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

    ``by_horizon``: {step (from 1): {count, error, smape, inside_80, inside_95, scaled, scaled_error, pinball}}, sums
    that fade, so that they tell of the last few hundred forecasts. ``scaled_error`` is the absolute error over the mean
    absolute step of the history (MASE, Hyndman and Koehler 2006); ``smape`` is 2|e|/(|a|+|f|); ``pinball`` is the mean
    quantile loss over the levels, scaled alike. MASE is not defined for a history that never moved: ``scaled`` counts
    those outcomes of which it is.
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
                if loss is not None:
                    losses.setdefault((said.last_us, step), {})[said.version] = min(loss, _LOSS_MAX)
            said.judged = max(said.judged, reached)
        self.open = [said for said in self.open if said.judged < len(said.quantiles)]
        return list(losses.values())

    def _count(self, step: int, said: Said, actual: float, levels: Sequence[float]) -> float | None:
        """Count one outcome, and return its scaled quantile loss, None where there is no scale."""
        quantiles = said.quantiles[step - 1]
        loss = pinball(quantiles, levels, actual) / said.scale if said.scale > 0 else None
        if not said.is_shown:
            return loss
        at = dict(zip(levels, quantiles, strict=True))
        error = abs(actual - at[0.5])
        size = abs(actual) + abs(at[0.5])
        news = {
            "count": 1.0,
            "error": error,
            "smape": 2 * error / size if size > 0 else 0.0,
            "inside_80": float(at[0.1] <= actual <= at[0.9]),
            "inside_95": float(at[0.025] <= actual <= at[0.975]),
        }
        if loss is not None:
            news |= {"scaled": 1.0, "scaled_error": error / said.scale, "pinball": loss}
        kept = self.by_horizon.setdefault(step, dict.fromkeys(_FIGURES, 0.0))
        for name, value in news.items():
            kept[name] = kept.get(name, 0.0) * _FADE + value
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
    """Return the mean absolute step of a history, 0 where that cannot be told: it is too short, or never moved.

    >>> scale_of(np.arange(20.0)), scale_of(np.full(20, 7.0)), scale_of(np.arange(3.0))
    (1.0, 0.0, 0.0)
    """
    seen = values[np.isfinite(values)]
    if seen.size < _SCALE_MIN:
        return 0.0
    step = float(np.mean(np.abs(np.diff(seen))))
    return step if step > 1e-6 * float(np.max(np.abs(seen))) else 0.0


def figures(by_horizon: Mapping[int, Mapping[str, float]], steps: Sequence[int]) -> dict[str, float | None]:
    """Return {count, mae, smape, coverage_80, coverage_95, mase, pinball} over some horizons, None before any outcome.

    >>> figures({}, [1])["mase"] is None
    True
    """
    total = dict.fromkeys(_FIGURES, 0.0)
    for step in steps:
        for name, value in by_horizon.get(step, {}).items():
            total[name] += value
    plain = dict(zip(("mae", "smape", "coverage_80", "coverage_95"), _FIGURES[1:5], strict=True))
    scaled = {"mase": "scaled_error", "pinball": "pinball"}
    return {
        "count": round(total["count"], 1),
        **{name: _share(total[figure], total["count"]) for name, figure in plain.items()},
        **{name: _share(total[figure], total["scaled"]) for name, figure in scaled.items()},
    }


def pooled(books: Sequence[Mapping[int, Mapping[str, float]]], steps: Sequence[int]) -> dict[str, float | None]:
    """Return the figures of several series together; ``mase`` and ``pinball`` are those of the median series.

    Why the median: one metric that was nearly still, and then burst, has a MASE of thousands; a mean tells of it alone.
    """
    total: dict[str, float] = {}
    for book in books:
        for step in steps:
            for name, value in book.get(step, {}).items():
                total[name] = total.get(name, 0.0) + value
    each = [figures(book, steps) for book in books]
    medians = {name: _median([one[name] for one in each]) for name in ("mase", "pinball")}
    return figures({0: total}, [0]) | medians


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(float(np.median(known)), 6) if known else None


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 6) if whole > 0 else None
