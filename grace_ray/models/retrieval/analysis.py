"""Text to index terms: identifiers taken apart, stop words dropped, words reduced to their Snowball stem.

Operations text is half prose, half identifiers. ``KubePodCrashLooping`` must meet "pod is crash looping",
"crashlooping" and itself; so an identifier yields its parts, each pair of neighbouring parts written together, and
the whole.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise

import Stemmer

# Only what says nothing anywhere: "not", "out", "over", "any", "some" make the difference between two alerts.
_STOP_WORDS = """
    a about above also am an and are as at be because been being below but by can could did do does doing for
    from further had has have having he her here hers him his how i if in into is it its itself just may me
    might must my of on once or our own shall she should so such than that the their them then there these they
    this those to too upon was we were what when where which while who whom why will with would you your
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())

# Stems that Snowball keeps apart and operators do not.
_SAME_STEM = {"failur": "fail", "err": "error", "config": "configur"}

_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s)>\]\"']+", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+(?:[_.\-]+[^\W_]+)*")
_PIECE = re.compile(r"[^\W_]+")
_PART = re.compile(r"[A-Z]{2,}s(?![a-z])|[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_A-Za-z]+")
_LONGEST_WORD = 80
_MOST_PARTS = 10
_CACHED_WORDS = 50_000

_stemmer = Stemmer.Stemmer("english", 0)  # no cache of its own: `word_terms` keeps the finished terms


def terms(text: str) -> list[str]:
    """All index terms of ``text`` in reading order, repeats kept.

    >>> terms("KubePodCrashLooping: the pods are restarting")
    ['kube', 'pod', 'crash', 'loop', 'kubepod', 'podcrash', 'crashloop', 'kubepodcrashloop', 'pod', 'restart']
    """
    return [term for word in words(text) for term in word_terms(word)]


def words(text: str) -> list[str]:
    """Words and identifiers as written; a URL is reduced to the name of what it points at.

    >>> words("see https://example.org/runbooks/node/NodeRAIDDegraded.md#impact, node_disk.io")
    ['see', 'NodeRAIDDegraded', 'node_disk.io']
    """
    return _WORD.findall(_URL.sub(_url_name, text) if "://" in text else text)


def compounds(text: str) -> list[str]:
    """Each pair of neighbouring words written together, stop words passed over, numbers and lone letters left out.

    "crash looping" also asks for "crashlooping", and "node is not ready" for the middle of ``KubeNodeNotReady``.

    >>> compounds("Node is not ready")
    ['nodenot', 'notreadi']
    """
    plain = [part.lower() for word in words(text) if word.lower() not in STOP_WORDS for part in _parts(word)]
    plain = [part for part in plain if part not in STOP_WORDS and len(part) > 1]
    return [_stem(left + right) for left, right in pairwise(plain) if not left.isdigit() and not right.isdigit()]


def split_name(name: str) -> str:
    """A name as words, case kept; plain text stays as it is.

    >>> split_name("etcdGRPCRequestsSlow"), split_name("the node's disk")
    ('etcd GRPC Requests Slow', "the node's disk")
    """
    return _WORD.sub(lambda word: " ".join(_parts(word.group())), name)


def name_parts(name: str) -> list[str]:
    """The words that a name is made of, as written.

    >>> name_parts("KubePodCrashLooping"), name_parts("disk full")
    (['Kube', 'Pod', 'Crash', 'Looping'], ['disk', 'full'])
    """
    return [part for word in words(name) for part in _parts(word)]


def name_key(name: str) -> str:
    """The form in which two spellings of a name are the same: letters and digits alone, lower case.

    >>> name_key("Kube Pod Crash-Looping") == name_key("KubePodCrashLooping")
    True
    """
    return "".join(_PIECE.findall(name)).lower()


@lru_cache(maxsize=_CACHED_WORDS)
def word_terms(word: str) -> tuple[str, ...]:
    """The terms of one word or identifier; none for a stop word, a lone letter or an overlong token."""
    if len(word) > _LONGEST_WORD:
        return ()
    if word.isalpha() and (word.islower() or word.istitle() or word.isupper()):
        return _plain(word)
    parts = [part.lower() for part in _parts(word)][:_MOST_PARTS]
    found = [term for part in parts for term in _plain(part)]
    if len(parts) > 2:
        found += [_stem(left + right) for left, right in pairwise(parts)]
    if len(parts) > 1:
        found.append(_stem(name_key(word)))
    return tuple(found)


def _stem(lower: str) -> str:
    stem: str = _stemmer.stemWord(lower)
    return _SAME_STEM.get(stem, stem)


def _parts(word: str) -> list[str]:
    return [part for piece in _PIECE.findall(word) for part in _PART.findall(piece)]


def _plain(word: str) -> tuple[str, ...]:
    lower = word.lower()
    if lower in STOP_WORDS or (len(lower) < 2 and lower.isascii()):
        return ()
    return (_stem(lower),)


def _url_name(url: re.Match[str]) -> str:
    path = url.group().split("://", 1)[1].split("?", 1)[0].split("#", 1)[0].rstrip("/.,;:")
    if "/" not in path:
        return " "
    return f" {_without_extension(path.rsplit('/', 1)[1])} "


def _without_extension(name: str) -> str:
    stem, dot, extension = name.rpartition(".")
    return stem if dot and extension.isalnum() and len(extension) <= 4 else name


def distinct(found: Iterable[str]) -> list[str]:
    """The same terms without repeats, first occurrence first."""
    return list(dict.fromkeys(found))
