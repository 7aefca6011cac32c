"""Made-up operations metrics, to train on before there are real ones.

Each series is a random mixture of what makes up a metric: noise with heavy tails and memory, regimes of volatility, a
wandering level, seasons (smooth, or pulses of a job), spikes that fade, level shifts, ramps, counters that start again,
jobs that hold a resource, switches, outages; then a random view of it: as is, exponentiated, counted, cut off at a
floor or a ceiling, rounded. Nothing is fitted to any data set: no licence to ask about, nothing to over-fit.

Source of the idea: Ansari et al. 2024 (Chronos, KernelSynth), Dooley et al. 2023 (ForecastPFN).
"""

import numpy as np

from grace_ray.models.forecast.base import Floats

_WARM_UP = 200
Rng = np.random.Generator


def synthetic_series(count: int, steps: int, rng: Rng) -> Floats:
    """Series (count, steps), each another mixture."""
    total = steps + _WARM_UP
    values = _noise(count, total, rng) * _volatility(count, total, rng)
    values += _wandering(count, total, rng)
    for share, size, periods in (
        (0.35, 0.7, (72, 96, 144, 288)),
        (0.3, 0.7, (3, 6, 12, 18, 24, 36, 48)),
        (0.15, 0.7, (4, 5, 6, 7, 10, 12, 24, 30)),
        (0.25, 2.3, (288,)),
    ):
        values += _some(count, share, rng) * _size(count, size, 1.0, rng) * _season(count, total, periods, rng)
    values += _spikes(count, total, rng) + _shifts(count, total, rng) + _ramps(count, total, rng)
    values += _counters(count, total, rng) + _jobs(count, total, rng) + _switches(count, total, rng)
    return _viewed(_broken_off(values[:, -steps:], rng), rng)


def _some(count: int, share: float, rng: Rng) -> Floats:
    """1 for a random share of the series, else 0."""
    return np.asarray(rng.random((count, 1)) < share, dtype=float)


def _size(count: int, middle: float, spread: float, rng: Rng) -> Floats:
    """Log-normal sizes exp(N(middle, spread))."""
    return np.asarray(np.exp(rng.normal(middle, spread, (count, 1))))


def _held(count: int, total: int, every: int, rng: Rng) -> Floats:
    """Normal numbers that change every so many steps."""
    return np.repeat(rng.normal(0, 1, (count, total // every + 1)), every, axis=1)[:, :total]


def _carried(values: Floats, memory: Floats) -> Floats:
    """Running sums that fade: memory * sum + value, from left to right; memory (count,)."""
    carried = np.zeros_like(values)
    for step in range(1, values.shape[1]):
        carried[:, step] = memory * carried[:, step - 1] + values[:, step]
    return carried


def _noise(count: int, total: int, rng: Rng) -> Floats:
    heaviness = rng.choice([2.5, 3.0, 5.0, 30.0], (count, 1))
    shocks = rng.standard_t(heaviness, (count, total)).clip(-30, 30)
    memory = np.where(rng.random(count) < 0.5, rng.uniform(0, 0.98, count), 0.0)
    return np.asarray(_carried(shocks, memory) * np.sqrt(1 - memory[:, None] ** 2))


def _volatility(count: int, total: int, rng: Rng) -> Floats:
    return np.asarray(np.exp(0.8 * _some(count, 0.3, rng) * _held(count, total, 25, rng)))


def _wandering(count: int, total: int, rng: Rng) -> Floats:
    walk = np.cumsum(rng.normal(0, 1, (count, total)), axis=1)
    smooth = np.cumsum(np.cumsum(rng.normal(0, 1, (count, total)), axis=1), axis=1)
    walk *= _some(count, 0.45, rng) * _size(count, -2.0, 1.2, rng)
    return np.asarray(walk + _some(count, 0.15, rng) * _size(count, -5.5, 1.0, rng) * smooth)


def _season(count: int, total: int, periods: tuple[int, ...], rng: Rng) -> Floats:
    period = rng.choice(periods, (count, 1))
    place = (np.arange(total)[None, :] + rng.random((count, 1)) * period) % period / period
    turn = 2 * np.pi * place
    smooth = np.sin(turn) + 0.5 * rng.normal(size=(count, 1)) * np.sin(2 * turn + rng.random((count, 1)) * 6)
    smooth += 0.3 * rng.normal(size=(count, 1)) * np.cos(3 * turn)
    pulse = 2.0 * (place < rng.uniform(0.04, 0.5, (count, 1))) * np.sign(rng.random((count, 1)) - 0.15)
    uneven = 1 + 0.3 * _some(count, 0.4, rng) * _held(count, total, 12, rng)
    return np.asarray(np.where(rng.random((count, 1)) < 0.5, smooth, pulse) * uneven)


def _spikes(count: int, total: int, rng: Rng) -> Floats:
    rate = _some(count, 0.45, rng) * np.exp(rng.uniform(-5.5, -2, (count, 1)))
    spikes = (rng.random((count, total)) < rate) * rng.exponential(1, (count, total)) ** 1.3
    fading = np.where(rng.random(count) < 0.4, rng.uniform(0.3, 0.9, count), 0.0)
    for step in range(1, total):
        spikes[:, step] = np.maximum(spikes[:, step], fading * spikes[:, step - 1])
    return np.asarray(spikes * _size(count, 2.0, 1.0, rng) * np.where(rng.random((count, 1)) < 0.85, 1, -1))


def _shifts(count: int, total: int, rng: Rng) -> Floats:
    rate = _some(count, 0.35, rng) * np.exp(rng.uniform(-6, -3.5, (count, 1)))
    shifts = (rng.random((count, total)) < rate) * rng.normal(0, 1, (count, total))
    kept = np.where(rng.random(count) < 0.4, rng.uniform(0.9, 0.99, count), 1.0)
    return np.asarray(_carried(shifts, kept) * _size(count, 1.5, 0.8, rng))


def _ramps(count: int, total: int, rng: Rng) -> Floats:
    turns = rng.normal(0, 1, (count, total)) * (rng.random((count, total)) < 0.01)
    slope = _carried(turns, np.full(count, 0.995))
    return np.asarray(_some(count, 0.15, rng) * _size(count, -2.5, 0.8, rng) * np.cumsum(slope, axis=1))


def _counters(count: int, total: int, rng: Rng) -> Floats:
    period = rng.integers(30, 400, (count, 1))
    rising = (np.arange(total)[None, :] + rng.integers(0, 400, (count, 1))) % period / period
    return np.asarray(_some(count, 0.07, rng) * _size(count, 2.0, 0.7, rng) * rising)


def _jobs(count: int, total: int, rng: Rng) -> Floats:
    """Jobs that come at random, each holding its own amount of a resource until it ends."""
    rate = _some(count, 0.2, rng) * np.exp(rng.uniform(-4, -0.5, (count, 1)))
    amount = (rng.random((count, total)) < rate) * rng.exponential(1, (count, total))
    length = rng.integers(3, 150, (count, 1)) * rng.exponential(1, (count, total))
    end = np.minimum(np.arange(total) + 1 + length.astype(int), total)
    freed = np.zeros((count, total + 1))
    np.add.at(freed, (np.arange(count)[:, None], end), amount)
    return np.asarray(np.cumsum(amount - freed[:, :total], axis=1) * _size(count, 1.0, 0.8, rng))


def _switches(count: int, total: int, rng: Rng) -> Floats:
    """On and off: two levels, each held for a time of its own, and noisier when on."""
    up, down = (np.exp(rng.uniform(-4.5, -1, (count, 1))) for _ in range(2))
    chance = rng.random((count, total))
    on = np.zeros((count, total))
    for step in range(1, total):
        was = on[:, step - 1]
        on[:, step] = np.where(was > 0, chance[:, step] >= down[:, 0], chance[:, step] < up[:, 0])
    noise = 1 + rng.uniform(0, 0.5, (count, 1)) * rng.normal(size=(count, total))
    return np.asarray(_some(count, 0.15, rng) * _size(count, 2.0, 0.8, rng) * on * noise)


def _broken_off(values: Floats, rng: Rng) -> Floats:
    """Outages: for some minutes or hours a value falls to the bottom, then goes on as if nothing had been."""
    count, steps = values.shape
    lowest = values.min(axis=1, keepdims=True) - rng.exponential(1, (count, 1)) * values.std(axis=1, keepdims=True)
    affected = _some(count, 0.12, rng)
    down = np.zeros((count, steps), dtype=bool)
    for _ in range(2):
        start = rng.integers(-steps // 4, steps, (count, 1))
        length = 1 + rng.exponential(8, (count, 1)).astype(int)
        at = np.arange(steps)[None, :]
        down |= (at >= start) & (at < start + length) & (affected > 0)
    return np.where(down, lowest, values)


def _viewed(values: Floats, rng: Rng) -> Floats:
    """As is, exponentiated, counted, with a floor, with a ceiling, or rounded."""
    count = len(values)
    spread = values.std(axis=1, keepdims=True) + 1e-9
    plain = (values - values.mean(axis=1, keepdims=True)) / spread
    raised = np.exp(plain.clip(-4, 5) * rng.uniform(0.2, 1.2, (count, 1)))
    rate = np.exp(rng.uniform(-1.5, 6, (count, 1)) + plain.clip(-4, 4) * rng.uniform(0.1, 1, (count, 1)))
    counted = rng.poisson(rate.clip(0, 1e5)).astype(float)
    floored = np.maximum(plain, rng.uniform(-1.5, 1, (count, 1)))
    capped = np.minimum(plain, rng.uniform(0, 2.5, (count, 1)))
    unit = np.exp(rng.uniform(-3, 0, (count, 1)))
    kind = rng.random((count, 1))
    views = [plain, raised, counted, floored, capped]
    return np.select([kind < edge for edge in (0.35, 0.55, 0.7, 0.8, 0.86)], views, np.round(plain / unit) * unit)
