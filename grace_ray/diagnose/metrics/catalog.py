"""The catalog of metrics: read from YAML, checked entry by entry, and looked up by id, category and playbook."""

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from grace_ray.core.errors import InvalidInput
from grace_ray.core.metric import Direction, Metric

_NEAREST = 5
_LEAST_UNLIKE = 3
_NAME_MAX = 200


class Catalog:
    """The metrics that have thresholds, in the order of the file."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self.metrics = tuple(metrics)
        self._by_id = {metric.id: metric for metric in metrics}

    def get(self, metric_id: str) -> Metric | None:
        """Return a metric, or None where the catalog has none of this id."""
        return self._by_id.get(metric_id)

    def of_category(self, category: str) -> list[Metric]:
        """Return the metrics of a category."""
        return [metric for metric in self.metrics if metric.category == category]

    def helped_by(self, playbook: str) -> list[Metric]:
        """Return the metrics that a playbook may help."""
        return [metric for metric in self.metrics if playbook in metric.playbooks]

    def nearest(self, name: str, others: Iterable[str] = ()) -> list[str]:
        """Return up to five ids, of the catalog or of ``others``, that ``name`` may have been meant to be.

        Where it is like none of them, the three that are least unlike it.

        >>> Catalog([Metric(id="api.latency_p95", category="api", unit="ms", direction="higher_is_worse", warning=1,
        ...     critical=2)]).nearest("api.latency_p59")
        ['api.latency_p95']
        """
        known = dict.fromkeys([*self._by_id, *others])
        close = difflib.get_close_matches(name[:_NAME_MAX], known, n=_NEAREST, cutoff=0.4)
        return close or difflib.get_close_matches(name[:_NAME_MAX], known, n=_LEAST_UNLIKE, cutoff=0.0)


def load(path: Path, playbooks: frozenset[str] = frozenset()) -> Catalog:
    """Return the catalog in a YAML file; ``playbooks`` are the ids that it may name (empty: any).

    Raises InvalidInput, whose message begins with file and line and names the entry at fault.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path}: the metrics catalog cannot be read: {error}.", "metrics.catalog") from error
    return _parsed(path, text, playbooks)


@lru_cache(maxsize=8)  # each part of a process reads the catalog, and YAML is slow to read
def _parsed(path: Path, text: str, playbooks: frozenset[str]) -> Catalog:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        line = mark.line + 1 if (mark := getattr(error, "problem_mark", None)) else 1
        raise _fault(path, line, f"this is not YAML: {getattr(error, 'problem', None) or error}") from error
    return Catalog(_metrics(path, root, playbooks))


class _Entry(BaseModel):
    """One metric as the file spells it."""

    model_config = ConfigDict(extra="forbid", strict=True, str_strip_whitespace=True)

    id: Annotated[str, Field(pattern=r"^[A-Za-z_:][A-Za-z0-9_:./-]*$", max_length=200)]
    category: Literal["api", "executor", "learning", "autonomy", "infra", "trigger"]
    unit: Annotated[str, Field(min_length=1, max_length=40)]
    direction: Direction
    warning: float
    critical: float
    interval_s: Annotated[float, Field(gt=0)] = 60.0
    description: str = ""
    playbooks: list[str] = Field(default_factory=list)
    service: Annotated[str, Field(min_length=1)] = "grace"

    @field_validator("warning", "critical", "interval_s")
    @classmethod
    def _is_finite(cls, value: float) -> float:
        if not math.isfinite(value):
            raise ValueError("the number must be finite")
        return value

    @model_validator(mode="after")
    def _is_ordered(self) -> "_Entry":
        is_higher_worse = self.direction == "higher_is_worse"
        if (self.critical <= self.warning) if is_higher_worse else (self.critical >= self.warning):
            side = "above" if is_higher_worse else "below"
            raise ValueError(f"with direction {self.direction} critical must lie {side} warning")
        return self


def _metrics(path: Path, root: yaml.Node | None, playbooks: frozenset[str]) -> list[Metric]:
    fields = _fields(path, root, "the catalog")
    if set(fields) != {"metrics"}:
        odd = next((key for name, (key, _) in fields.items() if name != "metrics"), root)
        raise _fault(path, _line(odd), "the catalog holds one field, metrics, and nothing else")
    entries = fields["metrics"][1]
    if not isinstance(entries, yaml.SequenceNode) or not entries.value:
        raise _fault(path, _line(entries), "metrics must be a list of one metric or more")
    found: dict[str, int] = {}
    metrics: list[Metric] = []
    for number, node in enumerate(entries.value, 1):
        metric = _metric(path, node, number, playbooks)
        if metric.id in found:
            raise _fault(path, _line(node), f"metric {metric.id}: the id is used already, on line {found[metric.id]}")
        found[metric.id] = _line(node)
        metrics.append(metric)
    return metrics


def _metric(path: Path, node: yaml.Node, number: int, playbooks: frozenset[str]) -> Metric:
    fields = _fields(path, node, f"metric number {number}")
    values = {name: _value(value) for name, (_, value) in fields.items()}
    name = f"metric {values.get('id') or f'number {number}'}"
    try:
        entry = _Entry.model_validate(values)
    except ValidationError as error:
        found = error.errors(include_url=False)
        first = min(found, key=lambda fault: fault["type"] != "extra_forbidden")  # a slip leaves another one missing
        field = str(first["loc"][0]) if first["loc"] else "critical"
        at = fields[field][0] if field in fields else node
        what = first["msg"].removeprefix("Value error, ")
        raise _fault(path, _line(at), f"{name}: field {field}: {what}") from error
    unknown = [each for each in entry.playbooks if playbooks and each not in playbooks]
    if unknown:
        near = difflib.get_close_matches(unknown[0], sorted(playbooks), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        line = _line(fields["playbooks"][1])
        raise _fault(path, line, f"{name}: field playbooks: there is no playbook {unknown[0]}{hint}")
    return Metric(**entry.model_dump(exclude={"playbooks"}), playbooks=tuple(entry.playbooks))


def _fields(path: Path, node: yaml.Node | None, name: str) -> Mapping[str, tuple[yaml.Node, yaml.Node]]:
    """Return the nodes of a mapping's keys and values by key."""
    if not isinstance(node, yaml.MappingNode):
        raise _fault(path, _line(node), f"{name} must be a mapping of fields")
    fields: dict[str, tuple[yaml.Node, yaml.Node]] = {}
    for key, value in node.value:
        field = str(key.value)
        if field in fields:
            raise _fault(path, _line(key), f"{name}: the field {field} stands there twice")
        fields[field] = (key, value)
    return fields


def _value(node: yaml.Node) -> Any:
    return _Constructor().construct_document(node)


class _Constructor(yaml.constructor.SafeConstructor):
    """Makes values of nodes that were composed already."""


def _line(node: yaml.Node | None) -> int:
    return int(node.start_mark.line) + 1 if node is not None else 1


def _fault(path: Path, line: int, what: str) -> InvalidInput:
    return InvalidInput(f"{path}:{line}: {what}.", "metrics.catalog")
