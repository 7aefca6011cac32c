"""Seeded log streams of known templates: random words, random kinds of variables, separators and lengths."""

import random
import re
import uuid
from collections.abc import Callable

import pytest

_SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstv" for vowel in "aeio"]
_ENGLISH = re.findall(
    r"\w+",
    "connection request session worker cache block volume message packet queue thread buffer service client server "
    "token channel index table record payload handler socket stream snapshot replica lease region partition schedule "
    "rejected accepted closed opened created removed expired flushed received sending waiting retrying completed",
)


def _word(rng: random.Random) -> str:
    return rng.choice(_ENGLISH) if rng.random() < 0.7 else "".join(rng.choices(_SYLLABLES, k=rng.randint(2, 4)))


def _kinds(rng: random.Random) -> dict[str, Callable[[], str]]:
    names = ["".join(rng.choices(_SYLLABLES, k=rng.randint(2, 3))) for _ in range(40)]
    return {
        "number": lambda: str(rng.randint(0, 10 ** rng.randint(1, 9))),
        "signed": lambda: str(rng.randint(-50, 50)),
        "address": lambda: ".".join(str(rng.randint(1, 254)) for _ in range(4)),
        "endpoint": lambda: f"10.0.{rng.randint(0, 9)}.{rng.randint(1, 99)}:{rng.randint(1000, 65000)}",
        "host": lambda: f"{rng.choice(names)}.{rng.choice(names)}.example.com",
        "hex": lambda: f"0x{rng.getrandbits(32):x}",
        "uuid": lambda: str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "path": lambda: "/" + "/".join(rng.choices(names, k=rng.randint(2, 5))),
        "block": lambda: f"blk_{rng.getrandbits(40)}",
        "name": lambda: rng.choice(names),
        "numbers": lambda: " ".join(str(rng.randint(0, 999)) for _ in range(rng.randint(1, 6))),
        "listed": lambda: ", ".join(f"id{rng.randint(10, 999)}" for _ in range(rng.randint(1, 5))),
        "duration": lambda: f"{rng.random() * 90:.2f} {rng.choice(['ms', 's', 'seconds'])}",
        "size": lambda: f"{rng.randint(1, 900)} {rng.choice(['B', 'KB', 'MB'])}",
        "quoted": lambda: '"' + " ".join(rng.choices(names, k=rng.randint(1, 2))) + '"',
    }


def made_stream(seed: int, templates: int = 60, lines: int = 2_000) -> tuple[list[str], list[int]]:
    """Lines in random order and the number of the template each came from; the frequencies follow Zipf's law."""
    rng = random.Random(seed)
    kinds = _kinds(rng)
    made: list[list[tuple[str, str]]] = []
    known: set[str] = set()
    while len(made) < templates:
        parts = _template(rng, list(kinds))
        constant = " ".join(text for kind, text in parts if not kind)
        if constant not in known:
            known.add(constant)
            made.append(parts)
    weights = [1 / (rank + 1) for rank in range(templates)]
    truth = rng.choices(range(templates), weights, k=lines)
    return [" ".join(text + kinds[kind]() if kind else text for kind, text in made[number]) for number in truth], truth


def _template(rng: random.Random, kinds: list[str]) -> list[tuple[str, str]]:
    """Parts of a line: a kind ('' for none) and the constant text before it."""
    parts = [("", _word(rng).capitalize())]
    for _ in range(rng.randint(3, 10)):
        chance = rng.random()
        if chance < 0.6 or parts[-1][0]:
            parts.append(("", _word(rng) + rng.choice(["", "", "", ":", ","])))
        elif chance < 0.75:
            parts.append((rng.choice(kinds), f"{_word(rng)}="))
        else:
            parts.append((rng.choice(kinds), ""))
    return parts


@pytest.fixture
def stream() -> Callable[..., tuple[list[str], list[int]]]:
    """The function `made_stream(seed, templates, lines)`."""
    return made_stream
