"""Which units one fault explains: atoms (one wording), links between atoms with their evidence, and their partition.

Precision first: a link needs something that both name in most of their events and hardly anything else does, at the
same time, and nothing may speak against it (another alert name, another cause, a person's word). The partition is a
pure function of the units: batches and restarts change nothing.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from grace_ray.diagnose.topics import causes_of, words_of
from grace_ray.diagnose.units import Unit

_OWNED_SHARE = 0.9  # of a wording's events about one thing, that the wording counts as that thing's own
_OWNED_MIN = 3
_SPLIT_SHARE = 0.6  # of a wording's events about things with wordings of their own, that it is no fault's own
_NAMED_SHARE = 0.5  # of both atoms' events that name a thing, for it to link them
_ATOMS_MAX = 8  # atoms that one thing may link; what more of them name tells no faults apart
_WINDOW_US = 30 * 60 * 1_000_000


@dataclass(slots=True)
class Atom:
    """Units that are one wording, and so one fault; what they name, by share of their events."""

    number: int
    units: list[Unit]
    ident: str
    alert: str
    causes: frozenset[str]
    words: frozenset[str]
    domains: frozenset[str]
    count: int
    first_us: int
    last_us: int
    mentions: dict[str, float]
    about: str  # what most of its events are about, empty where they are about several things
    said: "Said"


@dataclass(frozen=True, slots=True)
class Said:
    """What persons said of an atom: lessons by which it is one with others, and its side of those that split."""

    together: frozenset[int] = frozenset()
    sides: tuple[tuple[int, int], ...] = ()


@dataclass(slots=True)
class Bundle:
    """Atoms that one fault explains, oldest first, and why."""

    atoms: list[Atom]
    reasons: list[str] = field(default_factory=list)


Teaching = Callable[[Sequence[Unit]], Said]


def partition(units: Iterable[Unit], resolve: Callable[[str], str], teaching: Teaching) -> list[Bundle]:
    """Return the units in bundles, each one fault as far as the evidence goes, oldest first."""
    atoms = _atoms(units, resolve, teaching)
    bundles = {atom.number: Bundle([atom]) for atom in atoms}
    for strength, one, other, reason in _links(atoms):
        left, right = bundles[one.number], bundles[other.number]
        if left is right or (strength <= 1.0 and not _agree(left, right)):
            continue
        if right.atoms[0].number < left.atoms[0].number:
            left, right = right, left
        left.atoms = sorted([*left.atoms, *right.atoms], key=lambda atom: atom.number)
        left.reasons = [*left.reasons, *right.reasons, reason]
        for atom in right.atoms:
            bundles[atom.number] = left
    return list({id(bundle): bundle for bundle in bundles.values()}.values())


def _atoms(units: Iterable[Unit], resolve: Callable[[str], str], teaching: Teaching) -> list[Atom]:
    by_ident: dict[str, list[Unit]] = defaultdict(list)
    for unit in units:
        kind, _, name = unit.ident.partition(" ")
        by_ident[f"template {resolve(name)}" if kind == "template" else unit.ident].append(unit)
    owners = _owners(by_ident)
    atoms = []
    for ident, alike in by_ident.items():
        if _is_shared(alike, owners):
            by_scope: dict[str, list[Unit]] = defaultdict(list)
            for unit in alike:
                by_scope[unit.scope].append(unit)
            atoms += [_atom(ident, members, teaching(members)) for members in by_scope.values()]
        else:
            atoms.append(_atom(ident, alike, teaching(alike)))
    return sorted(atoms, key=lambda atom: atom.number)


def _owners(by_ident: dict[str, list[Unit]]) -> set[str]:
    """Return the things that have a wording of their own: one that is about hardly anything else."""
    owners = set()
    for alike in by_ident.values():
        total = sum(unit.count for unit in alike)
        top = max(alike, key=lambda unit: (unit.count, -unit.number))
        if top.scope and top.count >= _OWNED_MIN and top.count >= _OWNED_SHARE * total:
            owners.add(top.scope)
    return owners


def _is_shared(alike: Sequence[Unit], owners: set[str]) -> bool:
    """Whether a wording is shared by faults: most of it is about things that also have wordings of their own."""
    scopes = {unit.scope for unit in alike if unit.scope in owners}
    owned = sum(unit.count for unit in alike if unit.scope in owners)
    return len(scopes) > 1 and owned >= _SPLIT_SHARE * sum(unit.count for unit in alike)


def _atom(ident: str, units: list[Unit], said: Said) -> Atom:
    units.sort(key=lambda unit: unit.number)
    studied = sum(unit.studied for unit in units)
    mentions: dict[str, float] = defaultdict(float)
    for unit in units:
        for name, count in unit.mentions.items():
            mentions[name] += count / studied
    alert = units[0].alert
    text = f"{alert} {units[0].text}"
    count = sum(unit.count for unit in units)
    scopes: dict[str, int] = defaultdict(int)
    for unit in units:
        scopes[unit.scope] += unit.count
    return Atom(
        units[0].number,
        units,
        ident,
        alert,
        causes_of(text),
        words_of(text),
        frozenset(key.partition(":")[0] for unit in units for key in unit.keys),
        count,
        min(unit.first_us for unit in units),
        max(unit.last_us for unit in units),
        {name: share for name, share in mentions.items() if share >= _NAMED_SHARE},
        max((scope for scope in scopes if scopes[scope] >= _OWNED_SHARE * count), default=""),
        said,
    )


Link = tuple[float, Atom, Atom, str]


def _links(atoms: Sequence[Atom]) -> list[Link]:
    naming: dict[str, list[Atom]] = defaultdict(list)
    for atom in atoms:
        for name in atom.mentions:
            naming[name].append(atom)
    saying: dict[str, set[int]] = defaultdict(set)
    for atom in atoms:
        for word in atom.words:
            saying[word].add(atom.number)
    best: dict[tuple[int, int], Link] = {}
    for name, named in naming.items():
        if not 2 <= len(named) <= _ATOMS_MAX or _is_bystander(name, named):
            continue
        telling = _telling_words(name, named, saying) if _is_contested(named) else None
        for place, one in enumerate(named):
            for other in named[place + 1 :]:
                link = _link(name, one, other, telling)
                pair = (one.number, other.number)
                if link is not None and (pair not in best or link[0] > best[pair][0]):
                    best[pair] = link
    found = [*best.values(), *_taught(atoms)]
    return sorted(found, key=lambda link: (-link[0], link[1].number, link[2].number))


def _is_bystander(name: str, named: Sequence[Atom]) -> bool:
    """Whether a thing merely stands beside several others that the wordings are about, such as who reported them."""
    about = {atom.about for atom in named}
    return name not in about and len(about - {""}) > 1


def _telling_words(name: str, named: Sequence[Atom], saying: dict[str, set[int]]) -> frozenset[str]:
    """Return words, not of its name, that some but not all of the atoms that name a thing say, and nobody else does.

    One sender's phrases say nothing, so they count only between senders of different domains.
    """
    numbers = {atom.number for atom in named}
    words = {word for atom in named for word in atom.words}
    return frozenset(word for word in words - words_of(name) if saying[word] < numbers)


def _is_contested(named: Sequence[Atom]) -> bool:
    """Whether several faults name the thing: two alerts, or two causes, of which no one has both."""
    alerts = {atom.alert for atom in named if atom.alert}
    causes = [atom.causes for atom in named if atom.causes]
    return len(alerts) > 1 or any(not one & other for one in causes for other in causes)


def _link(name: str, one: Atom, other: Atom, telling: frozenset[str] | None) -> Link | None:
    """Return the link that a thing makes between two atoms; ``telling`` is None where no other fault names it."""
    apart_us = max(one.first_us, other.first_us) - min(one.last_us, other.last_us)
    if apart_us > _WINDOW_US or not _may_be_one(one, other):
        return None
    share = min(one.mentions[name], other.mentions[name])
    common = one.causes & other.causes
    if not common and telling and not one.domains & other.domains:
        common = one.words & other.words & telling
    if telling is not None and not common:
        return None
    when = "at the same time" if apart_us <= 0 else f"within {math.ceil(apart_us / 60e6)} min of each other"
    also = f"both speak of {', '.join(sorted(common))}" if common else "no other fault does"
    reason = f"'{_short(one)}' and '{_short(other)}' came {when}; {share:.0%} or more of both name {name}, and {also}."
    return min(1.0, share * (1.0 if common else 0.9)), one, other, reason


def _taught(atoms: Sequence[Atom]) -> list[Link]:
    """Return links for what persons merged; above any evidence."""
    first: dict[int, Atom] = {}
    found = []
    for atom in atoms:
        for lesson in sorted(atom.said.together):
            one = first.setdefault(lesson, atom)
            if one is not atom:
                found.append((2.0, one, atom, f"A person merged the clusters of '{_short(one)}' and '{_short(atom)}'."))
    return found


def _may_be_one(one: Atom, other: Atom) -> bool:
    """Whether nothing speaks against two atoms being one fault."""
    if (one.alert and other.alert) or one.ident == other.ident:
        return False
    if one.said.sides and any(dict(other.said.sides).get(lesson, side) != side for lesson, side in one.said.sides):
        return False
    return not one.causes or not other.causes or bool(one.causes & other.causes)


def _agree(left: Bundle, right: Bundle) -> bool:
    """Whether nothing in one bundle speaks against anything in the other."""
    return all(_may_be_one(one, other) for one in left.atoms for other in right.atoms)


def _short(atom: Atom) -> str:
    text = atom.alert or atom.units[0].text
    return text if len(text) <= 60 else f"{text[:57]}..."
