"""Profiles of agents: how each does overall, by type and by context, drawn towards what is usual there.

A cell (an agent where a feature has a value) starts from what the cell's others and the agent's own level let expect.
It is a strength where its whole interval is above the rate of all agents there, a weakness where it is below.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from grace_ray.core.recommendation import AgentProfile
from grace_ray.learn.meta.reading import Samples
from grace_ray.models.patterns.outcomes import AGENT, Column
from grace_ray.models.patterns.rates import Rate, shrunk

_AGENTS_MAX = 200  # the ones with the most outcomes
_NAMED_MAX = 5  # strengths and weaknesses of one agent
_COUNT_MIN = 10
_AGENT_WORTH = 5.0  # outcomes that the fleet's rate is worth
_CELL_WORTH = 10.0
_Z = 3.0  # of what is called a strength: very many cells are looked at


class _Cell(NamedTuple):
    condition: dict[str, Any]
    rate: Rate
    strict: Rate
    usual: float


def profiles_of(workspace_id: str, samples: Samples) -> list[AgentProfile]:
    """Return the profiles of the agents with the most outcomes."""
    outcomes = samples.outcomes
    if not len(outcomes):
        return []
    counts = np.bincount(outcomes.agent, minlength=len(samples.agents))
    sums = np.bincount(outcomes.agent, outcomes.value, minlength=len(samples.agents)).astype(np.float64)
    fleet = float(outcomes.value.mean())
    chosen = [int(code) for code in np.argsort(-counts, kind="stable")[:_AGENTS_MAX] if counts[code]]
    own = {code: shrunk(float(sums[code]), float(counts[code]), fleet, _AGENT_WORTH) for code in chosen}
    cells: dict[int, list[_Cell]] = {code: [] for code in chosen}
    for column in outcomes.columns:
        if column.name not in (AGENT, "workflow"):
            for code, cell in _cells(column, samples, own, fleet):
                cells[code].append(cell)
    return [_profile(workspace_id, samples, code, own[code], cells[code]) for code in chosen]


def _profile(workspace_id: str, samples: Samples, code: int, own: Rate, cells: list[_Cell]) -> AgentProfile:
    strong = [cell for cell in cells if cell.strict.low > cell.usual]
    weak = [cell for cell in cells if cell.strict.high < cell.usual]
    return AgentProfile(
        workspace_id=workspace_id,
        agent_id=samples.agents[code],
        agent_name=samples.names[code],
        sample_size=own.outcomes,
        success_rate=round(own.rate, 4),
        strengths=[_named(cell) for cell in sorted(strong, key=lambda c: c.usual - c.strict.low)[:_NAMED_MAX]],
        weaknesses=[_named(cell) for cell in sorted(weak, key=lambda c: c.strict.high - c.usual)[:_NAMED_MAX]],
        by_type={str(cell.condition["type"]): _plain(cell) for cell in cells if "type" in cell.condition},
    )


def _cells(column: Column, samples: Samples, own: Mapping[int, Rate], fleet: float) -> Iterator[tuple[int, _Cell]]:
    """Yield (agent, cell) for the values of one feature."""
    outcomes = samples.outcomes
    values, agents = len(column.values), len(samples.agents)
    held = column.codes >= 0
    place = column.codes[held].astype(np.int64) * agents + outcomes.agent[held]
    count = np.bincount(place, minlength=values * agents).reshape(values, agents)
    total: Any = np.bincount(place, outcomes.value[held], minlength=values * agents).reshape(values, agents)
    for number, value in enumerate(column.values):
        seen = int(count[number].sum())
        usual = float(total[number].sum() / seen) if seen else fleet
        for code, level in own.items():
            if count[number, code] < (1 if column.name == "type" else _COUNT_MIN):
                continue
            expected = min(max(usual + level.rate - fleet, 0.01), 0.99)
            facts = float(total[number, code]), float(count[number, code]), expected, _CELL_WORTH
            yield code, _Cell({column.name: value}, shrunk(*facts), shrunk(*facts, z=_Z), usual)


def _named(cell: _Cell) -> dict[str, Any]:
    return {"condition": cell.condition, **_plain(cell)}


def _plain(cell: _Cell) -> dict[str, float]:
    rate = cell.rate
    return {
        "rate": round(rate.rate, 4),
        "low": round(rate.low, 4),
        "high": round(rate.high, 4),
        "count": rate.outcomes,
        "usual": round(cell.usual, 4),
    }
