"""Columns that conditions are made of: words as they are, numbers cut at few places."""

from array import array
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grace_ray.models.patterns.outcomes import AGENT, Codes, Column, Floats

_ROWS_MIN = 20  # of a value that gets a code; rarer ones are none
_VALUES_MAX = 60  # of one feature, the most frequent
_FEW = 8  # numbers so few that each is a value of its own
_OWN = frozenset({AGENT, "type", "workflow", "confidence", "evidence", "agents_agree", "latency_share"})
_CUTS = (0.25, 0.5, 0.75)


def coded_column(name: str, codes: Codes, values: Sequence[Any]) -> Column:
    """Return a column of the frequent values of a feature; a value that is no word (a tuple) is none."""
    count = np.bincount(codes, minlength=len(values))
    kept = [code for code in np.argsort(-count, kind="stable")[:_VALUES_MAX] if count[code] >= _ROWS_MIN]
    kept = [int(code) for code in kept if not isinstance(values[code], tuple)]
    turned = np.full(max(len(values), 1), -1, np.int32)
    turned[kept] = np.arange(len(kept))
    return Column(name=name, codes=turned[codes], values=[values[code] for code in kept])


def number_columns(
    name: str, values: Floats, at_least: Sequence[float] = (), below: Sequence[float] = ()
) -> list[Column]:
    """Return a column for each place at which a number is cut; NaN is on neither side."""
    with np.errstate(invalid="ignore"):
        cut = [({"min": _short(cut)}, values >= cut) for cut in at_least]
        cut += [({"max": _short(cut)}, values < cut) for cut in below]
    return [
        Column(name=name, codes=np.where(holds, 0, -1).astype(np.int32), values=[value])
        for value, holds in cut
        if _ROWS_MIN <= int(holds.sum()) < len(values)
    ]


def context_columns(
    gathered: "Mapping[str, tuple[array[int], list[Any]]]", count: int
) -> tuple[list[Column], dict[str, Floats]]:
    """Return the columns of contexts, and the numbers among them; row 0 of what was gathered is the newest."""
    columns: list[Column] = []
    numbers: dict[str, Floats] = {}
    for key, (rows, values) in sorted(gathered.items()):
        name = f"context.{key}" if key in _OWN else key
        where = count - 1 - np.frombuffer(rows, np.int32)
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
            figures = np.full(count, np.nan)
            figures[where] = values
            figures[np.isinf(figures)] = np.nan
            numbers[name] = figures
            if len(np.unique(figures[np.isfinite(figures)])) > _FEW:
                columns += _quartered(name, figures)
                continue
        known: dict[Any, int] = {}
        codes = np.zeros(count, np.int32)
        codes[where] = [known.setdefault((type(value) is bool, value), len(known)) + 1 for value in values]
        words = [("",), *(value for _, value in known)]  # a tuple: a row without this key has no value
        columns.append(coded_column(name, codes, words))
    return columns, numbers


def agreed_columns(
    question: Codes, agent: Codes, content: NDArray[np.int64], created: Floats, judged: Floats
) -> tuple[Floats, Floats]:
    """Return of each row how many agents (itself included) say the same to its question, and how many answered it.

    Those count who answered before the first answer to the question was judged: later ones may know the outcome.
    """
    if not len(question):
        return np.zeros(0), np.zeros(0)
    first = np.full(int(question.max()) + 1, np.inf)
    np.fmin.at(first, question, judged)
    said = np.unique(np.stack([question, content], axis=1), axis=0, return_inverse=True)[1].reshape(-1)
    counts = []
    for groups in (said, question.astype(np.int64)):
        in_time = created <= first[question]
        voters = np.unique(np.stack([groups[in_time], agent[in_time]], axis=1), axis=0)[:, 0]
        counts.append(np.maximum(np.bincount(voters, minlength=int(groups.max()) + 1)[groups], 1).astype(np.float64))
    return counts[0], counts[1]


def _quartered(name: str, figures: Floats) -> list[Column]:
    cuts = sorted({_short(float(np.nanquantile(figures, share))) for share in _CUTS})
    return number_columns(name, figures, at_least=cuts, below=cuts)


def _short(number: float) -> float:
    short = float(f"{number:.3g}")
    return int(short) if short.is_integer() else short
