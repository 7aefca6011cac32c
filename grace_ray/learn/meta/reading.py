"""Reads a workspace's recommendations as columns, a page at a time, and makes the table that patterns are sought in.

What is looked at was known before the outcome: who recommends, in what, on how much evidence, how sure, in which
context, how quickly, and how many agents had said the same before the first of them was judged.
"""

from array import array
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from grace_ray.core.recommendation import RECOMMENDATIONS_VIEW, VALUES
from grace_ray.core.store import Reader
from grace_ray.learn.meta.features import (
    agreed_columns,
    coded_column,
    context_columns,
    number_columns,
)
from grace_ray.models.patterns.outcomes import Column, Floats, Outcomes

COLUMNS = (
    "key",
    "rank",
    "agent_id",
    "agent_name",
    "recommendation_type",
    "correlation_id",
    "workflow_id",
    "recommendation_content",
    "confidence_score",
    "evidence",
    "context",
    "latency_ms",
    "within_ms",
    "outcome",
    "evaluated_at",
)
_PAGE = 10_000
_KEYS_MAX = 30  # keys of contexts that are looked at, those met first
_WORD_MAX = 100  # letters of a value that a condition may name


class Samples(NamedTuple):
    """The judged recommendations of a workspace, in order of time.

    ``numbers`` are what decisions may rest on beside the columns, NaN where not known. ``agents`` and ``names`` are by
    the table's agent codes; ``created_s`` and ``judged_s`` are seconds since the epoch. ``tracked`` counts those not
    judged as well.
    """

    outcomes: Outcomes
    numbers: dict[str, Floats]
    agents: list[str]
    names: list[str]
    created_s: Floats
    judged_s: Floats
    tracked: int

    def rows(self, chosen: NDArray[np.bool_]) -> Outcomes:
        """Return the outcomes of some rows."""
        return self.outcomes.rows(chosen)


def pages(
    reader: Reader, workspace_id: str, above: float, upto: float, most: int, page_rows: int = _PAGE
) -> Iterator[list[tuple[Any, ...]]]:
    """Yield pages of a workspace's recommendations with above < rank <= upto, newest first, ``most`` in all."""
    limit, left = page_rows, most
    known: set[str] = set()
    while left > 0:
        page = reader.cells(RECOMMENDATIONS_VIEW, COLUMNS, workspace_id, above, upto, limit)
        fresh = [row for row in page if row[0] not in known][:left]
        yield fresh
        left -= len(fresh)
        if len(page) < limit:
            return
        lowest = page[-1][1]
        known = {row[0] for row in page if row[1] == lowest} | (known if lowest == upto else set())
        limit = page_rows + len(known)  # however many were created at one moment
        upto = lowest


def read(reader: Reader, workspace_id: str, above: float, upto: float, most: int) -> Samples:
    """Return the samples of a workspace created in a time (seconds since the epoch)."""
    gathered = Gathered()
    for page in pages(reader, workspace_id, above, upto, most):
        gathered.add(page)
    return gathered.samples()


class Gathered:
    """Takes rows (of COLUMNS, newest first) and keeps no more of them than codes and numbers."""

    def __init__(self) -> None:
        self._codes: dict[str, dict[Any, int]] = {name: {} for name in ("agent", "type", "question", "workflow")}
        self._columns: dict[str, array[int]] = {name: array("i") for name in (*self._codes, "evidence")}
        self._content: array[int] = array("q")
        self._floats: dict[str, array[float]] = {
            name: array("d") for name in ("value", "confidence", "created", "judged", "latency", "within")
        }
        self._names: dict[int, str] = {}
        self._context: dict[str, tuple[array[int], list[Any]]] = {}
        self._parsed: dict[str, list[tuple[str, Any]]] = {}
        self._count = 0

    def add(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Take rows."""
        for row in rows:
            self._add(*row)

    def samples(self) -> Samples:
        """Return the samples of all rows taken."""
        codes = {name: np.frombuffer(column, np.int32)[::-1].copy() for name, column in self._columns.items() if column}
        floats = {name: np.frombuffer(column)[::-1].copy() for name, column in self._floats.items() if column}
        if not self._count:
            codes = {name: np.zeros(0, np.int32) for name in self._columns}
            floats = {name: np.zeros(0) for name in self._floats}
        content = np.frombuffer(self._content, np.int64)[::-1] if self._count else np.zeros(0, np.int64)
        agreed, answers = agreed_columns(
            codes["question"], codes["agent"], content, floats["created"], floats["judged"]
        )
        context, numbers = context_columns(self._context, self._count)
        late = _ratio(floats["latency"], floats["within"])
        numbers |= {"latency": floats["latency"], "late": late, "agree": agreed, "answers": answers}
        numbers |= {"confidence": floats["confidence"], "evidence": codes["evidence"].astype(np.float64)}
        columns: list[Column] = [
            coded_column("agent", codes["agent"], list(self._codes["agent"])),
            coded_column("type", codes["type"], list(self._codes["type"])),
            coded_column("workflow", codes["workflow"], list(self._codes["workflow"])),
            *number_columns("confidence", floats["confidence"], at_least=(0.8,), below=(0.5,)),
            *number_columns("evidence", numbers["evidence"], at_least=(1.0, 2.0, 3.0)),
            *number_columns("agents_agree", agreed, at_least=(2.0, 3.0)),
            *number_columns("latency_share", late, at_least=(1.0,)),
            *context,
        ]
        return self._judged(columns, codes, floats, numbers)

    def _judged(self, columns: list[Column], codes: Any, floats: Any, numbers: dict[str, Floats]) -> Samples:
        is_judged = np.isfinite(floats["value"])
        by_agent = {code: agent for agent, code in self._codes["agent"].items()}
        outcomes = Outcomes(
            columns=columns,
            value=np.where(is_judged, floats["value"], 0.0),
            question=codes["question"],
            agent=codes["agent"],
            batch=codes["workflow"] if len(self._codes["workflow"]) > 1 else None,
        ).rows(is_judged)
        return Samples(
            outcomes=outcomes,
            numbers={name: values[is_judged] for name, values in numbers.items() if np.isfinite(values).any()},
            agents=[by_agent[code] for code in range(len(by_agent))],
            names=[self._names.get(code, "") for code in range(len(by_agent))],
            created_s=floats["created"][is_judged],
            judged_s=floats["judged"][is_judged],
            tracked=self._count,
        )

    def _add(
        self,
        key: str,
        rank: float,
        agent: str,
        name: str,
        kind: str,
        question: str,
        workflow: str,
        content: str | None,
        confidence: float | None,
        evidence: str | None,
        context: str | None,
        latency: float | None,
        within: float | None,
        outcome: str,
        evaluated_at: str | None,
    ) -> None:
        who = self._code("agent", agent)
        if name and who not in self._names:
            self._names[who] = name
        self._code("type", kind)
        self._code("question", question or (key,))  # a tuple: no question has that name
        self._code("workflow", workflow or (self._count if question == "" else question,))
        self._content.append(hash(content))
        self._columns["evidence"].append(_length(evidence))
        floats = self._floats
        floats["value"].append(VALUES.get(outcome, np.nan))
        floats["confidence"].append(np.nan if confidence is None else confidence)
        floats["created"].append(rank)
        is_judged = outcome in VALUES and evaluated_at
        floats["judged"].append(datetime.fromisoformat(str(evaluated_at)).timestamp() if is_judged else np.nan)
        floats["latency"].append(np.nan if latency is None else latency)
        floats["within"].append(np.nan if within is None else within)
        if context and context != "{}":
            self._take_context(context)
        self._count += 1

    def _code(self, name: str, value: Any) -> int:
        codes = self._codes[name]
        code = codes.setdefault(value, len(codes))
        self._columns[name].append(code)
        return code

    def _take_context(self, text: str) -> None:
        for name, value in _pairs(text):
            if name not in self._context:
                if len(self._context) >= _KEYS_MAX:
                    continue
                self._context[name] = (array("i"), [])
            rows, values = self._context[name]
            rows.append(self._count)
            values.append(value)


def _pairs(text: str) -> Iterator[tuple[str, Any]]:
    """Yield the short words, numbers and truths of a context."""
    found = orjson.loads(text)
    for name, value in found.items() if isinstance(found, dict) else ():
        if isinstance(value, bool | int | float) or (isinstance(value, str) and 0 < len(value) <= _WORD_MAX):
            yield name, value


def _length(text: str | None) -> int:
    if not text or text == "[]":
        return 0
    found = orjson.loads(text)
    return len(found) if isinstance(found, list) else 1


def _ratio(latency: Floats, within: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        share = latency / within
    return np.where(np.isfinite(share), share, np.nan)
