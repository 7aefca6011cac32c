"""The catalog of playbooks: YAML files read and checked at start; a mistake stops it, naming file and line."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from yaml.constructor import SafeConstructor

from grace_ray.act.playbooks.filling import filled, names_in
from grace_ray.act.playbooks.kinds import KINDS
from grace_ray.core.errors import InvalidInput, NotFound
from grace_ray.core.playbook import DO_NOTHING, Playbook, Step

SHIPPED = Path(__file__).parents[2] / "seeds" / "playbooks"
_SIZE_MAX = 256 * 1024
_VALUE_MAX = 4096

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,63}$")]
Scalar = str | int | float | bool | None
Parameter = Scalar | list[Scalar]


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class _WrittenStep(_Written):
    kind: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    timeout_s: float = Field(30.0, gt=0, le=86_400)
    undo: bool = True


class _WrittenPlaybook(_Written):
    id: Id
    description: str = Field(min_length=1, max_length=2000)
    risk: Literal["safe", "needs-approval"]
    parameters: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")], Parameter] = Field(default_factory=dict)
    timeout_s: float = Field(120.0, gt=0, le=86_400)
    per_hour: int = Field(6, ge=1, le=1000)
    settle_s: float = Field(120.0, ge=0, le=86_400)
    steps: list[_WrittenStep] = Field(min_length=1, max_length=50)


class _Fault(Exception):
    """A mistake at a place within a file: the path to it, as keys and indices, or (from 1) the very line."""

    def __init__(self, place: Sequence[str | int], message: str, line: int = 0) -> None:
        super().__init__(place, message, line)
        self.place, self.message, self.line = tuple(place), message, line


class Catalog:
    """The playbooks that there are (core.ports.Playbooks); made once, at start."""

    def __init__(self, playbooks: Iterable[Playbook]) -> None:
        self._playbooks = {playbook.id: playbook for playbook in sorted(playbooks, key=lambda p: p.id)}

    @classmethod
    def of_folders(cls, folders: Iterable[Path]) -> "Catalog":
        """Read every *.yaml of the folders, the shipped one first; a later folder's playbook replaces one of its id.

        Raises InvalidInput naming file and line.
        """
        found: dict[str, Playbook] = {}
        for folder in (SHIPPED, *folders):
            if not folder.is_dir():
                raise InvalidInput(f"There is no folder {folder} of playbooks.", "playbooks.folders")
            here: dict[str, Path] = {}
            for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
                playbook = read_playbook(path)
                if playbook.id in here:
                    raise InvalidInput(f"{path}:1: {here[playbook.id].name} has the id {playbook.id} already.", "id")
                here[playbook.id] = path
                found[playbook.id] = playbook
        return cls(found.values())

    def get(self, playbook_id: str) -> Playbook:
        """Return a playbook. Raises NotFound, naming the nearest ids."""
        if playbook_id in self._playbooks:
            return self._playbooks[playbook_id]
        near = get_close_matches(playbook_id[:100], self._playbooks, n=3, cutoff=0.0)
        hint = f" The nearest are {', '.join(near)}." if near else ""
        raise NotFound(f"There is no playbook {playbook_id[:100]!r}.{hint}", "playbook")

    def all(self) -> Sequence[Playbook]:
        """Return every playbook in order of id."""
        return list(self._playbooks.values())

    def filled(self, playbook: Playbook, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a run's parameters, defaults included, checked against every step's arguments.

        Raises InvalidInput naming ``parameters.NAME``.
        """
        for name, value in parameters.items():
            if name not in playbook.parameters:
                known = ", ".join(playbook.parameters) or "none"
                raise InvalidInput(f"{playbook.id} has no parameter {name!r}; it has {known}.", f"parameters.{name}")
            _check_value(name, value)
        values = {**playbook.parameters, **{name: value for name, value in parameters.items() if value is not None}}
        missing = [name for name, value in values.items() if value is None]
        if missing:
            raise InvalidInput(f"{playbook.id} needs the parameter {missing[0]!r}.", f"parameters.{missing[0]}")
        for step in playbook.steps:
            fault = _fault_in(step, values)
            if fault is not None:
                place, message = fault
                name = next(iter(names_in(_at(step.arguments, place))), "")
                field = f"parameters.{name}" if name else "parameters"
                raise InvalidInput(f"{step.kind} cannot take this {'.'.join(map(str, place))}: {message}.", field)
        return values


def arguments_of(step: Step, parameters: Mapping[str, Any]) -> Any:
    """Return the checked arguments of a step of one run. Raises InvalidInput."""
    fault = _fault_in(step, parameters)
    if fault is not None:
        raise InvalidInput(f"{step.kind}: {fault[1]}.", ".".join(map(str, fault[0])))
    return KINDS[step.kind].arguments.model_validate(filled(dict(step.arguments), parameters))


def read_playbook(path: Path) -> Playbook:
    """Return the playbook in a file. Raises InvalidInput naming file and line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path}:1: it cannot be read: {error}.", "playbooks.folders") from error
    if len(text) > _SIZE_MAX:
        raise InvalidInput(f"{path}:1: a playbook has at most {_SIZE_MAX} characters.", "playbooks.folders")
    return parse_playbook(text, str(path))


@lru_cache(maxsize=256)  # each part of a process reads the catalog, and YAML is slow to read
def parse_playbook(text: str, name: str) -> Playbook:
    """Return the playbook that ``text`` holds; ``name`` is the file's, for the message of InvalidInput."""
    tree: Any = None
    try:
        # libyaml is ten times as fast, and crashes the process where brackets are nested deeply
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        if tree is None:
            raise _Fault((), "the file is empty", 1)
        _check_keys(tree, ())
        return _checked(SafeConstructor().construct_document(tree))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        said = getattr(error, "problem", None) or str(error)
        fault = _Fault((), said, mark.line + 1 if mark else 1)
    except RecursionError:
        fault = _Fault((), "it is nested too deeply", 1)
    except _Fault as error:
        fault = error
    place = ".".join(map(str, fault.place))
    line = fault.line or _line_of(tree, fault.place)
    message = f"{name}:{line}: {f'{place}: ' if place else ''}{fault.message}."
    raise InvalidInput(message, place or "playbooks.folders") from fault


def _checked(plain: Any) -> Playbook:
    try:
        if not isinstance(plain, dict):
            raise _Fault((), "a playbook is a mapping with id, description, risk and steps", 1)
        written = _WrittenPlaybook.model_validate(plain)
    except ValidationError as error:
        first = min(error.errors(), key=_unknown_first)
        raise _Fault(first["loc"], first["msg"]) from error
    if written.id == DO_NOTHING:
        raise _Fault(("id",), "this id stands for doing nothing")
    for number, step in enumerate(written.steps):
        _check_step(step, written.parameters, ("steps", number))
    steps = [
        Step(kind=step.kind, arguments=step.arguments, timeout_s=step.timeout_s, undo=step.undo)
        for step in written.steps
    ]
    fields = written.model_dump(exclude={"steps"})
    return Playbook(**fields, steps=tuple(steps))


def _check_step(step: _WrittenStep, parameters: Mapping[str, Any], place: Sequence[str | int]) -> None:
    """Check kind, templates and arguments. Raises _Fault."""
    if step.kind not in KINDS:
        near = get_close_matches(step.kind, KINDS, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(KINDS)}"
        raise _Fault((*place, "kind"), f"there is no kind of step {step.kind!r}{hint}")
    for key, value in step.arguments.items():
        try:
            unknown = [name for name in names_in(value) if name not in parameters]
        except InvalidInput as error:
            raise _Fault((*place, "arguments", key), error.message.rstrip(".")) from error
        if unknown:
            raise _Fault((*place, "arguments", key), f"there is no parameter {unknown[0]!r}")
    fault = _fault_in(Step(kind=step.kind, arguments=step.arguments), parameters)
    if fault is not None:
        raise _Fault((*place, "arguments", *fault[0]), fault[1])


def _fault_in(step: Step, parameters: Mapping[str, Any]) -> tuple[Sequence[str | int], str] | None:
    """Return the first (place, message) that is wrong in a step's arguments.

    What depends on a parameter without a value (None: it must be given with each run) is not looked at.
    """
    try:
        KINDS[step.kind].arguments.model_validate(filled(dict(step.arguments), parameters))
    except ValidationError as error:
        for fault in sorted(error.errors(), key=_unknown_first):
            loc = [part for part in fault["loc"] if isinstance(part, str | int)]
            place = loc[: _depth(step.arguments, loc)] or loc[:1]
            awaited = any(parameters.get(name, "") is None for name in names_in(_at(step.arguments, place)))
            if not awaited:
                return place, fault["msg"]
    return None


def _unknown_first(fault: Mapping[str, Any]) -> bool:
    """Sort an unknown name before what it leaves missing: a slip of the pen makes both."""
    return bool(fault["type"] != "extra_forbidden")


def _depth(value: Any, place: Sequence[str | int]) -> int:
    """Return how far down ``place`` leads within ``value``."""
    for depth, part in enumerate(place):
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return depth
    return len(place)


def _at(value: Any, place: Sequence[str | int]) -> Any:
    for part in place[: _depth(value, place)]:
        value = value[part]
    return value


def _check_value(name: str, value: Any) -> None:
    scalars = value if isinstance(value, list) else [value]
    if len(scalars) > 100 or not all(isinstance(item, Scalar) for item in scalars):
        raise InvalidInput("A parameter is a text, a number, true, false, or a list of these.", f"parameters.{name}")
    if any(isinstance(item, str) and (len(item) > _VALUE_MAX or "\0" in item) for item in scalars):
        raise InvalidInput(f"A text has at most {_VALUE_MAX} characters and no NUL.", f"parameters.{name}")
    if any(isinstance(item, float) and item - item != 0 for item in scalars):
        raise InvalidInput("A number must be finite.", f"parameters.{name}")


def _check_keys(node: yaml.Node, seen: tuple[int, ...]) -> None:
    """Refuse keys that stand twice: YAML would silently take the last. Aliases may not contain themselves."""
    if id(node) in seen:
        raise _Fault((), "an alias stands within itself", node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        known: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value in known:
                name = key.value if isinstance(key, yaml.ScalarNode) else "this"
                raise _Fault((), f"{name} is no key, or stands here twice", key.start_mark.line + 1)
            known.add(key.value)
            _check_keys(value, (*seen, id(node)))
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check_keys(item, (*seen, id(node)))


def _line_of(node: Any, place: Sequence[str | int]) -> int:
    """Return the line (from 1) at which a place stands, or the nearest that there is above it."""
    line = int(node.start_mark.line) + 1
    for part in place:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if found is None:
                return line
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            return line
    return line
