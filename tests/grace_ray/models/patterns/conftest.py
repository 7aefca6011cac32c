"""Tables of made outcomes: features by chance, difficulty and skill by chance, and effects where a test plants them."""

from typing import Any

import numpy as np
import pytest

from grace_ray.models.patterns.outcomes import Column, Outcomes

_VALUES = {"type": 3, "tool": 4, "place": 2, "size": 5, "tone": 3}


class Made:
    """``plants`` are (condition, added chance); ``answers`` to each question; effects are in log odds."""

    def __init__(self, seed: int, *, rows: int = 2000, answers: int = 1, agents: int = 8) -> None:
        self.rng = np.random.default_rng(seed)
        self.question = np.repeat(np.arange(rows // answers), answers).astype(np.int32)
        self.rows = len(self.question)
        self.agent = self.rng.integers(0, agents, self.rows).astype(np.int32)
        self.columns = [Column(name="agent", codes=self.agent, values=[f"a{number}" for number in range(agents)])]
        for name, values in _VALUES.items():
            codes = self.rng.integers(0, values, self.question.max() + 1)[self.question]
            if name in ("tool", "tone"):  # these may differ between the answers to one question
                codes = self.rng.integers(0, values, self.rows)
            self.add(name, codes, range(values))

    def add(self, name: str, codes: Any, values: Any) -> None:
        words = [f"{name}{value}" for value in values]
        self.columns.append(Column(name=name, codes=np.asarray(codes, np.int32), values=words))

    def outcomes(self, *plants: Any, base: float = 0.0, difficulty: float = 0.0, skill: float = 0.0) -> Outcomes:
        odds = base + difficulty * self.rng.normal(size=self.question.max() + 1)[self.question]
        odds = odds + skill * self.rng.normal(size=self.agent.max() + 1)[self.agent]
        chance = 1 / (1 + np.exp(-odds))
        table = Outcomes(columns=self.columns, value=np.zeros(self.rows), question=self.question, agent=self.agent)
        for condition, added in plants:
            fits = table.mask(table.found(condition) or ())
            chance = np.where(fits, np.clip(chance + added, 0.02, 0.98), chance)
        value = (self.rng.random(self.rows) < chance).astype(float)
        return Outcomes(columns=self.columns, value=value, question=self.question, agent=self.agent)


@pytest.fixture
def make():
    return Made
