"""Train the forecasting network that ships, on made-up series alone, and write its weights.

Run it with `python bench/forecast_network.py [--rounds 10] [--out FILE]`; some minutes of one core. Each round makes
new series and learns from the last four rounds', so nothing is seen often enough to be learnt by heart.
`bench/forecast.py` measures what came of it. What ships went on from those ten for six rounds
(`--rounds 6 --start FILE --seed 2 --rate 1.2e-3`) and eight (`--rounds 8 --start FILE --seed 3 --rate 1e-3`).
"""

import argparse
import sys
from collections import deque
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from grace_ray.models.forecast.base import HORIZON, LEVELS, MEDIAN  # noqa: E402
from grace_ray.models.forecast.features import COUNT, PARTS, features_of  # noqa: E402
from grace_ray.models.forecast.pretrained import WEIGHTS  # noqa: E402
from grace_ray.models.forecast.scaling import FULL, scaled  # noqa: E402
from grace_ray.models.forecast.synthetic import synthetic_series  # noqa: E402

LEVEL = torch.tensor(LEVELS)
SERIES_A_ROUND = 30_000
KEPT_ROUNDS = 4
STEPS_A_ROUND = 500
BATCH = 384
LEAST = 48


class Network(torch.nn.Module):
    """What grace_ray.models.forecast.pretrained computes, with gradients."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(COUNT))
        self.register_buffer("spread", torch.ones(COUNT))
        self.enter = torch.nn.Linear(COUNT, width)
        self.first, self.second = torch.nn.Linear(width, width), torch.nn.Linear(width, width)
        self.leave = torch.nn.Linear(width, HORIZON * len(LEVELS))
        self.drop = torch.nn.Dropout(dropout)

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """Quantiles (window, horizon, level) on the network's scale."""
        hidden = self.drop(torch.relu(self.enter(((seen - self.mean) / self.spread).clamp(-5, 5))))
        hidden = self.drop(hidden + torch.relu(self.first(hidden)))
        hidden = hidden + torch.relu(self.second(hidden))
        outputs = self.leave(hidden).view(-1, HORIZON, len(LEVELS))
        gaps = 0.5 * torch.nn.functional.softplus(outputs - 1.5)
        median = outputs[..., MEDIAN : MEDIAN + 1]
        below = median - gaps[..., :MEDIAN].flip(-1).cumsum(-1).flip(-1)
        return torch.cat([below, median, median + gaps[..., MEDIAN + 1 :].cumsum(-1)], -1)


def main() -> None:
    """Train round by round, and write the weights after each."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=10)
    options.add_argument("--width", type=int, default=176)
    options.add_argument("--rate", type=float, default=3e-3)
    options.add_argument("--start", type=Path, help="go on from these weights, best at half the rate or less")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--out", type=Path, default=WEIGHTS)
    asked = options.parse_args()
    torch.manual_seed(asked.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(asked.seed)
    network = Network(asked.width, dropout=0.05)
    optimiser = torch.optim.AdamW(network.parameters(), lr=asked.rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, asked.rate, total_steps=asked.rounds * STEPS_A_ROUND)
    kept: deque[tuple[np.ndarray, ...]] = deque(maxlen=KEPT_ROUNDS)
    for number in range(asked.rounds):
        kept.append(material(rng))
        seen, target, weight = (torch.from_numpy(np.concatenate(arrays)) for arrays in zip(*kept, strict=True))
        if number == 0 and asked.start:
            read(network, asked.start)
        elif number == 0:
            network.mean[:], network.spread[:] = seen.mean(0), seen.std(0) + 1e-3
        loss = one_round(network, optimiser, schedule, seen, target, weight)
        print(f"round {number + 1} of {asked.rounds}: loss {loss:.4f}", flush=True)
        write(network, seen, asked.out)


def material(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Features, targets on the network's scale, and the weight of a step in units of the naive error."""
    made = np.concatenate([synthetic_series(5000, FULL + HORIZON, rng) for _ in range(SERIES_A_ROUND // 5000)])
    for row in np.flatnonzero(rng.random(len(made)) < 0.35):
        steps = int(rng.integers(LEAST, FULL))
        made[row, :FULL] = np.pad(made[row, FULL - steps : FULL], (FULL - steps, 0), mode="symmetric")
    windows = scaled(made[:, :FULL])
    target = windows.forth(made[:, FULL:]).clip(-9, 9)
    moves = [np.abs(made[:, h:FULL] - made[:, : FULL - h]).mean(axis=1) for h in (1, 4, 8, 12)]
    weight = (windows.scale / np.maximum(np.mean(moves, axis=0), 1e-9 * windows.scale)).clip(0, 3)
    return tuple(array.astype(np.float32) for array in (features_of(windows), target, weight))


def one_round(
    network: Network, optimiser: Any, schedule: Any, seen: torch.Tensor, target: torch.Tensor, weight: torch.Tensor
) -> float:
    """Some hundred steps; returns the mean loss."""
    network.train()
    total = 0.0
    for _ in range(STEPS_A_ROUND):
        chosen = torch.randint(len(seen), (BATCH,))
        loss = loss_of(network(seen[chosen]), target[chosen], weight[chosen])
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        total += loss.item()
    return total / STEPS_A_ROUND


def loss_of(outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Pinball loss on the network's scale, plus half of the same in the metric's unit against its naive error."""
    near = pinball(outputs, target).mean()
    far = pinball(outputs.clamp(-9, 9).sinh(), target.sinh()).mean((1, 2)) * weight
    return near + 0.5 * far.clamp(max=20).mean()


def pinball(outputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    error = target[..., None] - outputs
    return torch.maximum(LEVEL * error, (LEVEL - 1) * error)


def reads(network: Network, seen: torch.Tensor) -> np.ndarray:
    """How much each part of the past moves the median: mean |gradient| times the feature's spread, summing to 1."""
    network.eval()
    inputs = seen[:2000].clone().requires_grad_(True)
    network(inputs)[..., MEDIAN].sum().backward()
    moved = (inputs.grad.abs().mean(0) * network.spread).numpy()
    edges = np.cumsum([0, *(size for _, size in PARTS)])
    shares = np.array([moved[start:end].sum() for start, end in pairwise(edges)])
    return np.asarray(shares / shares.sum())


def write(network: Network, seen: torch.Tensor, out: Path) -> None:
    """Plain arrays, half precision for the matrices."""
    arrays = {"mean": network.mean, "spread": network.spread}
    for name, layer in layers(network):
        arrays |= {f"{name}.w": layer.weight.T.half(), f"{name}.b": layer.bias}
    plain = {name: array.detach().numpy() for name, array in arrays.items()}
    np.savez_compressed(out, reads=reads(network, seen).astype(np.float32), **plain)


def read(network: Network, start: Path) -> None:
    """What `write` wrote, to go on from."""
    with np.load(start) as arrays, torch.no_grad():
        network.mean[:], network.spread[:] = torch.from_numpy(arrays["mean"]), torch.from_numpy(arrays["spread"])
        for name, layer in layers(network):
            layer.weight[:] = torch.from_numpy(arrays[f"{name}.w"].astype(np.float32)).T
            layer.bias[:] = torch.from_numpy(arrays[f"{name}.b"])


def layers(network: Network) -> tuple[tuple[str, torch.nn.Linear], ...]:
    """The layers by the names they are kept under."""
    return ("in", network.enter), ("first", network.first), ("second", network.second), ("out", network.leave)


if __name__ == "__main__":
    main()
