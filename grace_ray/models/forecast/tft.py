"""The trained global model: a small Temporal Fusion Transformer over all metrics at once.

torch trains it; NumPy serves it, from plain arrays, with the same forward pass (tft_layers). It starts from what the
pretrained network says and learns where these metrics differ; what it read is told by its own variable selection and
attention. A saved model holds the network it started from, so that a newer one does not pull the ground from under it.

Source: Lim et al. 2021, see tft_layers; trained on pinball loss over LEVELS, on asinh-scaled windows.
"""

from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from grace_ray.core.errors import InvalidInput
from grace_ray.models.forecast.base import HORIZON, LEVELS, Floats, windows_of
from grace_ray.models.forecast.pretrained import Pretrained, pretrained
from grace_ray.models.forecast.scaling import FULL, mirrored, scaled
from grace_ray.models.forecast.synthetic import synthetic_series
from grace_ray.models.forecast.tft_inputs import FINE, FUTURE, PAST, TOKENS, Inputs, inputs_of
from grace_ray.models.forecast.tft_layers import forward, shapes

_LEAST = 48
_BATCH = 128
_FORMAT = 2
_FAR = 9.0
Progress = Callable[[float], None]


class TemporalFusion:
    """Quantiles from trained weights, without torch."""

    name = "tft"

    def __init__(self, weights: Mapping[str, Floats], base: Pretrained, horizon: int = HORIZON) -> None:
        self.weights = {name: np.asarray(array, dtype=np.float32) for name, array in weights.items()}
        self.base = base
        self.horizon = horizon
        self.width = _checked_width(self.weights)

    def quantiles(self, values: Floats, horizon: int, phase: Floats | None = None) -> Floats:
        """Quantiles (series, horizon, level) of finite windows (series, steps).

        `phase` (series,): index within the day, 0 to 287, of the first step ahead, NaN where it is not known.
        """
        return self._read(values, horizon, phase)[0]

    def explain(self, values: Floats, horizon: int, phase: Floats | None = None) -> list[dict[str, float]]:
        """What each forecast was read from: inputs by variable selection, "value" split by attention over its lags."""
        _, past, future, attention = self._read(values, horizon, phase)
        looks = attention[:, :, :TOKENS].mean(axis=1)
        looks /= looks.sum(axis=1, keepdims=True)
        edges = (0, TOKENS - FINE, TOKENS - 6, TOKENS - 1, TOKENS)
        parts = ("last day", "last 3 h", "last 30 min", "last value")
        told = []
        for own, ahead, look in zip(past.mean(axis=1), future.mean(axis=1), looks, strict=True):
            shares = {
                f"lags: {name}": float(own[0] * look[edges[i] : edges[i + 1]].sum()) for i, name in enumerate(parts)
            }
            shares |= dict(zip(PAST[1:], map(float, own[1:]), strict=True))
            for name, share in zip(FUTURE, map(float, ahead), strict=True):
                shares[name] = shares.get(name, 0.0) + share
            told.append({name: share / 2 for name, share in shares.items()})
        return told

    def _read(self, values: Floats, horizon: int, phase: Floats | None) -> tuple[Floats, Floats, Floats, Floats]:
        if horizon > self.horizon:
            raise InvalidInput(f"The model was trained for {self.horizon} steps, not {horizon}.", "horizon")
        window = scaled(values)
        clock = np.full(len(values), np.nan) if phase is None else np.asarray(phase, dtype=float)
        known = np.full(len(values), float(min(values.shape[1], FULL)))
        seen = inputs_of(window, self.base.on_scale(window)[:, : self.horizon], clock, known)
        made = forward(self.weights, np, seen.single())
        outputs, past, future, attention = (np.asarray(part, dtype=float) for part in made)
        return window.back(outputs[:, :horizon]), past, future, attention

    def save(self, file: Path | BinaryIO) -> None:
        """Write the weights as plain arrays (.npz)."""
        arrays = {f"base:{name}": array for name, array in self.base.weights.items()} | self.weights
        np.savez(file, format=np.array(_FORMAT), horizon=np.array(self.horizon), **arrays)  # type: ignore[arg-type]


def load(file: Path | BinaryIO) -> TemporalFusion:
    """Read what `save` wrote. Raises InvalidInput where it is something else."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            kept = {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, EOFError, KeyError, BadZipFile) as error:
        raise InvalidInput(f"This is not a saved forecaster: {error}.", "model") from error
    if int(kept.pop("format", np.array(0))) != _FORMAT:
        raise InvalidInput(f"The saved forecaster is not of format {_FORMAT}.", "model")
    horizon = int(kept.pop("horizon"))
    base = Pretrained({name.removeprefix("base:"): array for name, array in kept.items() if name.startswith("base:")})
    own = {name: array for name, array in kept.items() if not name.startswith("base:")}
    return TemporalFusion(own, base, horizon)


def train(
    series: Mapping[str, Floats],
    *,
    seed: int,
    epochs: int = 30,
    horizon: int = HORIZON,
    width: int = 16,
    learning_rate: float = 4e-3,
    synthetic_share: float = 0.4,
    windows: int = 4096,
    on_progress: Callable[[float], None] | None = None,
) -> tuple[TemporalFusion, dict[str, Any]]:
    """Train on every series (oldest value first, NaN where one is missing), and on made-up ones beside them.

    The newest fifth of each series' origins validates; the epoch that did best there is kept. `on_progress` is told the
    share done, 0 to 1. Returns the model and a record: losses by epoch, sizes, settings. Raises InvalidInput where no
    series has 60 values.
    """
    rng = np.random.default_rng(seed)
    made = int(windows * synthetic_share)
    fit, held = _material(series, horizon, windows - made, made, rng)
    best, losses = _fitted(fit, held, seed, epochs, width, learning_rate, on_progress or _silent)
    record = {
        "model": TemporalFusion.name,
        "width": width,
        "learning_rate": learning_rate,
        "synthetic_share": synthetic_share,
        "seed": seed,
        "windows": len(fit.target),
        "validation_windows": len(held.target),
        "parameters": int(sum(array.size for array in best.values())),
        "epochs": losses,
        "best_epoch": int(np.argmin([epoch["validation_loss"] for epoch in losses])),
    }
    return TemporalFusion(best, pretrained(), horizon), record


@dataclass(frozen=True, slots=True)
class _Windows:
    """Inputs and targets (window, horizon) on the network's scale, as float32."""

    inputs: Inputs
    target: NDArray[np.float32]


def _silent(share: float) -> None:
    """Progress that nobody asked for."""


def _checked_width(weights: Mapping[str, NDArray[np.float32]]) -> int:
    if "static.embed.b" not in weights:
        raise InvalidInput("The saved forecaster lacks its weights.", "model")
    width = len(weights["static.embed.b"])
    wanted = shapes(width)
    if {name: array.shape for name, array in weights.items()} != wanted:
        raise InvalidInput("The saved forecaster's weights are not those of this model.", "model")
    if not all(np.isfinite(array).all() for array in weights.values()):
        raise InvalidInput("The saved forecaster has weights that are not numbers.", "model")
    return width


def _material(
    series: Mapping[str, Floats], horizon: int, real: int, made_up: int, rng: np.random.Generator
) -> tuple[_Windows, _Windows]:
    """Windows to fit and to validate on: real ones, as many of each series, and made-up ones to fit on."""
    usable = [np.asarray(values, dtype=float) for values in series.values() if len(values) >= _LEAST + horizon]
    each = max(8, real // max(len(usable), 1))
    fit: list[Floats] = []
    held: list[Floats] = []
    for values in usable:
        newest = len(values) - horizon
        border = newest - max(1, (newest - _LEAST) // 5)
        known = [o for o in range(_LEAST, newest + 1) if np.isfinite(values[o : o + horizon]).all()]
        early = [o for o in known if o <= border - horizon]
        late = [o for o in known if o > border]
        for origins, kept, most in ((early, fit, each), (late, held, each // 4)):
            chosen = rng.permutation(np.array(origins, dtype=int))[:most]
            kept += [values[max(0, o - FULL) : o + horizon] for o in chosen.tolist()]
    if not fit or not held:
        raise InvalidInput(f"There is nothing to train on: no series has {_LEAST + 2 * horizon} values.", "series")
    made = synthetic_series(made_up, FULL + horizon, rng)
    lengths = np.where(rng.random(made_up) < 0.3, rng.integers(_LEAST, FULL, made_up), FULL)
    fit += [one[FULL - length :] for one, length in zip(made, lengths, strict=True)]
    return _as_windows(fit, horizon), _as_windows(held, horizon)


def _as_windows(pieces: list[Floats], horizon: int) -> _Windows:
    rows, actual = [], []
    for piece in pieces:
        made = windows_of([piece[:-horizon]])
        rows.append(mirrored(made.values))
        actual.append((piece[-horizon:] - made.centre[0]) / (float(made.scale[0]) or 1.0))
    window = scaled(np.concatenate(rows))
    target = window.forth(np.stack(actual)).clip(-_FAR, _FAR)
    known = np.array([float(len(piece) - horizon) for piece in pieces])
    seen = inputs_of(window, pretrained().on_scale(window)[:, :horizon], np.full(len(rows), np.nan), known)
    return _Windows(seen.single(), target.astype(np.float32))


def _fitted(
    fit: _Windows, held: _Windows, seed: int, epochs: int, width: int, learning_rate: float, on_progress: Progress
) -> tuple[dict[str, Floats], list[dict[str, float]]]:
    """Adam with one cosine down; the weights of the epoch that validated best, and the losses of each."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    params = {name: torch.nn.Parameter(array) for name, array in _initial(width, generator).items()}
    optimiser = torch.optim.AdamW(params.values(), lr=learning_rate, weight_decay=1e-3)
    rounds = -(-len(fit.target) // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, learning_rate, total_steps=epochs * rounds)
    data, check = _tensors(fit), _tensors(held)
    best, lowest = _copied(params), _validated(params, check)
    losses: list[dict[str, float]] = [{"epoch": 0, "validation_loss": round(lowest, 6)}]
    for epoch in range(epochs):
        seen = 0.0
        for chosen in torch.split(torch.randperm(len(fit.target), generator=generator), _BATCH):
            loss = _loss(params, [array[chosen] for array in data])
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(params.values(), 1.0)
            optimiser.step()
            schedule.step()
            seen += float(loss.detach()) * len(chosen)
        validated = _validated(params, check)
        if validated < lowest:
            best, lowest = _copied(params), validated
        loss_seen = round(seen / len(fit.target), 6)
        losses.append({"epoch": epoch + 1, "loss": loss_seen, "validation_loss": round(validated, 6)})
        on_progress((epoch + 1) / epochs)
    return best, losses


def _initial(width: int, generator: Any) -> dict[str, Any]:
    """Glorot-uniform matrices, zero biases, unit gains, and a forget gate that begins by remembering."""
    import torch

    made = {}
    for name, shape in shapes(width).items():
        kind = name.rsplit(".", 1)[1]
        if kind in ("w", "context", "scale"):
            bound = (6.0 / (shape[-2] + shape[-1])) ** 0.5 if kind != "scale" else 1.0
            made[name] = (torch.rand(shape, generator=generator) * 2 - 1) * bound
        else:
            made[name] = torch.ones(shape) if kind == "gain" else torch.zeros(shape)
    made["head.w"] *= 0.0  # begins as good as the network it starts from
    made["encoder.b"][width : 2 * width] = 1.0
    made["decoder.b"][width : 2 * width] = 1.0
    return made


def _copied(params: Mapping[str, Any]) -> dict[str, Floats]:
    return {name: array.detach().numpy().copy() for name, array in params.items()}


def _validated(params: Mapping[str, Any], check: list[Any]) -> float:
    import torch

    with torch.no_grad():
        return float(_loss(params, check))


def _tensors(windows: _Windows) -> list[Any]:
    """The inputs in their order, then the target."""
    import torch

    return [torch.from_numpy(array) for array in (*astuple(windows.inputs), windows.target)]


def _loss(params: Mapping[str, Any], batch: list[Any]) -> Any:
    """Mean pinball loss over LEVELS."""
    import torch

    *inputs, target = batch
    outputs = forward(params, torch, Inputs(*inputs))[0]
    levels = torch.tensor(LEVELS)
    error = target[..., None] - outputs
    return torch.maximum(levels * error, (levels - 1) * error).mean()
