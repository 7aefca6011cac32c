"""The door for recommendations and outcomes, in batches, against the checks as a service writes them with Pydantic.

Decode, check, redact and encode for the journal, items per CPU-second of one process. The peer decodes and checks
(validate_json) and encodes for its table (model_dump_json); it redacts nothing, makes no ids, derives no outcome. The
two run in turn, round by round, on the same bytes. Over HTTP, until the scores know: bench/learning.py.

Run it with `python bench/recommendations.py [--items 20000] [--rounds 3]`.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.house import print_rows, write_json  # noqa: E402
from grace_ray.sense.recommendations import RecommendationDoor, decode  # noqa: E402
from grace_ray.settings import IntakeSettings  # noqa: E402

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
BATCH = 1000
GOALS = {"grace, items/CPU-s": 10_000}
Id = Annotated[str, Field(min_length=1, max_length=200)]
Quality = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


class Tracked(BaseModel):
    """A recommendation as a service would declare it."""

    model_config = ConfigDict(extra="forbid")

    workspace_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$")] = "acme"
    recommendation_id: Id
    agent_id: Id
    correlation_id: str = Field("", max_length=200)
    workflow_id: str = Field("", max_length=200)
    recommendation_type: str = Field("general", max_length=100)
    recommendation_content: Any = None
    confidence_score: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    reasoning: str = ""
    context: dict[str, str | bool | float] = Field(default_factory=dict, max_length=50)


class Judged(BaseModel):
    """An outcome as a service would declare it."""

    model_config = ConfigDict(extra="forbid")

    workspace_id: str = "acme"
    recommendation_id: Id
    outcome: Literal["approved", "partial", "rejected", "pending"] | None = None
    quality_scores: dict[str, Quality] = Field(default_factory=dict, max_length=50)
    evaluator_feedback: str = ""


def main() -> None:
    """Run both, print the table, write the JSON."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--items", type=int, default=20_000)
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    tracked, judged = told(chosen.items, Random(11))
    rows = door(tracked, judged, chosen.rounds)
    print_rows(rows)
    write_json("recommendations", {"door": rows, "goals": GOALS})


def told(count: int, rng: Random) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return recommendations of 50 agents, five to a question, and how they turned out; now and then with a secret."""
    tracked, judged = [], []
    for number in range(count):
        agent = rng.randrange(50)
        reasoning = "token=abc123def" if rng.random() < 0.01 else "Seen before in the same service. " * 3
        tracked.append(
            {
                "recommendation_id": f"r-{number}",
                "agent_id": f"agent-{agent}",
                "correlation_id": f"task-{number // 5}",
                "workflow_id": f"run-{number // 100}",
                "recommendation_type": rng.choice(("strategy", "content", "review")),
                "recommendation_content": {"plan": ["reproduce", "bisect", "fix"], "file": f"src/part_{number}.py"},
                "confidence_score": round(rng.random(), 3),
                "reasoning": reasoning,
                "context": {"repo": f"shop-{number % 7}", "files": number % 9},
            }
        )
        quality = 90.0 if rng.random() < 0.3 + agent / 100 else 20.0
        judged.append({"recommendation_id": f"r-{number}", "quality_scores": {"accuracy": quality, "relevance": 71.5}})
    return tracked, judged


def door(tracked: list[dict[str, Any]], judged: list[dict[str, Any]], rounds: int) -> list[dict[str, Any]]:
    """Return a row for what is tracked and for what is judged: items per CPU-second of Grace's door and of its peer."""
    limits = IntakeSettings()
    grace_door = RecommendationDoor(limits, Random(1))
    rows = []
    for name, items, take, model in (
        ("track", tracked, grace_door.track, Tracked),
        ("evaluate", judged, grace_door.judge, Judged),
    ):
        adapter: TypeAdapter[Any] = TypeAdapter(list[model])  # type: ignore[valid-type]
        chunks = list(batches(items))
        bodies = [orjson.dumps({"workspace_id": "acme", "items": chunk}) for chunk in chunks]
        plain = [orjson.dumps(chunk) for chunk in chunks]

        def ours(bodies: list[bytes] = bodies, take: Any = take) -> int:
            return sum(len(take(decode(body, limits)[0], NOW).rows) for body in bodies)

        def theirs(bodies: list[bytes] = plain, adapter: TypeAdapter[Any] = adapter) -> int:
            return sum(
                len([item.model_dump_json(exclude_defaults=True) for item in adapter.validate_json(body)])
                for body in bodies
            )

        found: dict[str, list[float]] = {"grace": [], "pydantic": []}
        for _ in range(rounds):
            for side, work in (("grace", ours), ("pydantic", theirs)):
                found[side].append(len(items) / cpu_seconds(work, len(items)))
        rates = {f"{side}, items/CPU-s": round(statistics.median(each)) for side, each in found.items()}
        ratio = statistics.median(found["grace"]) / statistics.median(found["pydantic"])
        rows.append({"door": name, **rates, "ratio": round(ratio, 2)})
    return rows


def batches(items: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield the items, BATCH at a time."""
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]


def cpu_seconds(work: Callable[[], int], count: int) -> float:
    """Return the CPU time of one pass over all items."""
    start = time.process_time()
    assert work() == count
    return time.process_time() - start


if __name__ == "__main__":
    main()
