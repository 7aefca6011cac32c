"""The Temporal Fusion Transformer's forward pass, written once for NumPy (serving) and torch (training).

`xp` is either library: both know exp, tanh, concatenate, stack and sqrt. So what is served is what was trained.
Source: Lim, Arik, Loeff and Pfister 2021, "Temporal Fusion Transformers for interpretable multi-horizon time series
forecasting"; gated residual networks, variable selection, LSTM, interpretable attention and quantile heads as there,
at a width of 16, with one layer of each. Beyond it: the heads move the quantiles of the pretrained network instead of
making their own, so that a day of data is enough to gain from and an untrained model is as good as its base.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from grace_ray.models.forecast.base import LEVELS, MEDIAN
from grace_ray.models.forecast.tft_inputs import FUTURE, PAST, STATIC

HEADS = 2
Params = Mapping[str, Any]


def shapes(width: int) -> dict[str, tuple[int, ...]]:
    """Every parameter and its shape."""
    sizes: dict[str, tuple[int, ...]] = {}
    for name, count in (("past", len(PAST)), ("future", len(FUTURE))):
        sizes |= {f"{name}.scale": (count, width), f"{name}.shift": (count, width)}
        sizes |= _grn(f"{name}.select", count * width, width, count) | _grn(f"{name}.each", width, width, width, count)
    sizes |= _linear("static.embed", len(STATIC), width)
    for name in ("context.select", "context.hidden", "context.cell", "context.enrich"):
        sizes |= _grn(name, width, width, width)
    for name in ("encoder", "decoder"):
        sizes |= _linear(name, 2 * width, 4 * width)
    for name in ("gate.lstm", "gate.attention", "gate.output"):
        sizes |= _linear(name, width, 2 * width) | _norm(name, width)
    sizes |= _grn("enrich", width, width, width) | _grn("feed", width, width, width)
    for name in ("query", "key"):
        sizes |= _linear(f"attention.{name}", width, width)
    sizes |= _linear("attention.value", width, width // HEADS) | _linear("attention.out", width // HEADS, width)
    return sizes | _linear("head", width, len(LEVELS))


def _linear(name: str, inputs: int, outputs: int, copies: int = 0) -> dict[str, tuple[int, ...]]:
    if copies:
        return {f"{name}.w": (copies, inputs, outputs), f"{name}.b": (copies, 1, outputs)}
    return {f"{name}.w": (inputs, outputs), f"{name}.b": (outputs,)}


def _norm(name: str, width: int, copies: int = 0) -> dict[str, tuple[int, ...]]:
    shape = (copies, 1, width) if copies else (width,)
    return {f"{name}.gain": shape, f"{name}.bias": shape}


def _grn(name: str, inputs: int, width: int, outputs: int, copies: int = 0) -> dict[str, tuple[int, ...]]:
    sizes = _linear(f"{name}.in", inputs, width, copies) | _linear(f"{name}.mid", width, width, copies)
    sizes |= _linear(f"{name}.gate", width, 2 * outputs, copies) | _norm(name, outputs, copies)
    if not copies:
        sizes |= {f"{name}.context": (width, width)}
    return sizes | (_linear(f"{name}.skip", inputs, outputs, copies) if inputs != outputs else {})


def forward(p: Params, xp: Any, inputs: Any) -> tuple[Any, Any, Any, Any]:
    """Quantiles (series, horizon, level), weights of past and future variables, attention (series, horizon, place)."""
    future = inputs.future
    context = linear(p, "static.embed", inputs.static)
    made = {name: grn(p, xp, f"context.{name}", context) for name in ("select", "hidden", "cell", "enrich")}
    seen, past_weights = select(p, xp, "past", inputs.past, made["select"])
    coming, future_weights = select(p, xp, "future", future, made["select"])
    history, state = lstm(p, xp, "encoder", seen, (made["hidden"], made["cell"]))
    ahead, _ = lstm(p, xp, "decoder", coming, state)
    recurrent = xp.concatenate([history, ahead], 1)
    local = gated(p, xp, "gate.lstm", recurrent, xp.concatenate([seen, coming], 1))
    enriched = grn(p, xp, "enrich", local, made["enrich"][:, None, :])
    steps = future.shape[1]
    attended, attention = attend(p, xp, enriched, steps)
    own = gated(p, xp, "gate.attention", attended, enriched[:, -steps:])
    fed = grn(p, xp, "feed", own)
    outputs = linear(p, "head", gated(p, xp, "gate.output", fed, local[:, -steps:]))
    return moved(xp, inputs.base, outputs), past_weights, future_weights, attention


def select(p: Params, xp: Any, name: str, values: Any, context: Any) -> tuple[Any, Any]:
    """Variable selection: each variable embedded and refined, then weighed (series, step, width)."""
    embedded = values[..., None] * p[f"{name}.scale"] + p[f"{name}.shift"]
    flat = embedded.reshape((*values.shape[:2], -1))
    weights = softmax(xp, grn(p, xp, f"{name}.select", flat, context[:, None, :]))
    # Variables first: one matrix product a variable instead of one a step.
    apart = embedded.reshape((-1, *embedded.shape[2:])).swapaxes(0, 1)
    each = grn(p, xp, f"{name}.each", apart).swapaxes(0, 1).reshape(embedded.shape)
    return (weights[..., None] * each).sum(-2), weights


def lstm(p: Params, xp: Any, name: str, values: Any, state: tuple[Any, Any]) -> tuple[Any, tuple[Any, Any]]:
    """Long short-term memory over (series, step, width), gates in the order input, forget, cell, output."""
    hidden, cell = state
    width = hidden.shape[-1]
    weights = p[f"{name}.w"]
    fed = values @ weights[:width] + p[f"{name}.b"]
    outputs = []
    for step in range(values.shape[1]):
        gates = fed[:, step] + hidden @ weights[width:]
        some = sigmoid(xp, gates)
        new = xp.tanh(gates[:, 2 * width : 3 * width])
        cell = some[:, width : 2 * width] * cell + some[:, :width] * new
        hidden = some[:, 3 * width :] * xp.tanh(cell)
        outputs.append(hidden)
    return xp.stack(outputs, 1), (hidden, cell)


def attend(p: Params, xp: Any, values: Any, steps: int) -> tuple[Any, Any]:
    """Interpretable attention: heads differ in where they look and share what they see, so their mean is readable."""
    query = linear(p, "attention.query", values[:, -steps:])
    key = linear(p, "attention.key", values)
    value = linear(p, "attention.value", values)
    size = query.shape[-1] // HEADS
    total = values.shape[1]
    late = np.arange(total)[None, :] > (total - steps + np.arange(steps))[:, None]
    mask = xp.asarray((late * -1e9).astype(np.float32))
    looks = []
    for head in range(HEADS):
        part = slice(head * size, (head + 1) * size)
        score = query[..., part] @ key[..., part].swapaxes(1, 2) / float(np.sqrt(size))
        looks.append(softmax(xp, score + mask))
    mean = sum(looks) / HEADS
    return linear(p, "attention.out", mean @ value), mean


def grn(p: Params, xp: Any, name: str, values: Any, context: Any = None) -> Any:
    """Gated residual network: a small non-linear step that a gate can switch off."""
    inner = linear(p, f"{name}.in", values)
    if context is not None:
        inner = inner + context @ p[f"{name}.context"]
    inner = linear(p, f"{name}.mid", elu(xp, inner))
    skip = linear(p, f"{name}.skip", values) if f"{name}.skip.w" in p else values
    return normed(p, xp, name, skip + glu(xp, linear(p, f"{name}.gate", inner)))


def gated(p: Params, xp: Any, name: str, values: Any, skip: Any) -> Any:
    """Gated skip connection."""
    return normed(p, xp, name, skip + glu(xp, linear(p, name, values)))


def linear(p: Params, name: str, values: Any) -> Any:
    """Affine map."""
    return values @ p[f"{name}.w"] + p[f"{name}.b"]


def normed(p: Params, xp: Any, name: str, values: Any) -> Any:
    """Layer normalisation."""
    centred = values - values.mean(-1)[..., None]
    spread = xp.sqrt((centred * centred).mean(-1)[..., None] + 1e-5)
    return centred / spread * p[f"{name}.gain"] + p[f"{name}.bias"]


def glu(xp: Any, values: Any) -> Any:
    """Gated linear unit: the second half, as far as the first lets it through."""
    half = values.shape[-1] // 2
    return sigmoid(xp, values[..., :half]) * values[..., half:]


def sigmoid(xp: Any, values: Any) -> Any:
    """Logistic function, by tanh: no overflow."""
    return 0.5 * xp.tanh(0.5 * values) + 0.5


def elu(xp: Any, values: Any) -> Any:
    """Exponential linear unit."""
    positive = 0.5 * (values + abs(values))
    return positive + xp.exp(values - positive) - 1.0


def softmax(xp: Any, values: Any) -> Any:
    """Softmax over the last axis; inputs are moderate, so only a mask's -1e9 needs care, and exp(-1e9) is 0."""
    raised = xp.exp(values - values.max(-1)[..., None]) if xp is np else xp.exp(values - values.amax(-1)[..., None])
    return raised / raised.sum(-1)[..., None]


def moved(xp: Any, base: Any, outputs: Any) -> Any:
    """The base's median moved and each of its gaps widened or narrowed: outputs of zero change nothing, none cross."""
    wider = xp.exp(2.0 * xp.tanh(0.5 * outputs))
    median = base[..., MEDIAN : MEDIAN + 1] + outputs[..., MEDIAN : MEDIAN + 1]
    above = [median]
    for level in range(MEDIAN + 1, len(LEVELS)):
        gap = base[..., level : level + 1] - base[..., level - 1 : level]
        above.append(above[-1] + gap * wider[..., level : level + 1])
    below = [median]
    for level in range(MEDIAN - 1, -1, -1):
        gap = base[..., level + 1 : level + 2] - base[..., level : level + 1]
        below.append(below[-1] - gap * wider[..., level : level + 1])
    return xp.concatenate([*below[:0:-1], *above], -1)
