"""What is asked: free text, or an alert or log line with labels, turned into weighted terms and a text to embed.

Labels (``pod=web-7f9 severity=warning``) say where, hardly ever what: left in, the name of a job outweighs the trouble
itself. So prose counts in full, and label values only a little; but a label that names the alert, or holds a message,
is prose.
"""

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

from grace_ray.models.retrieval.analysis import compounds, distinct, name_key, terms, word_terms, words

COMPOUND_WEIGHT = 0.25  # two words seen side by side are weaker evidence than either
LABEL_WEIGHT = 0.1
_NAME_WORDS_MAX = 8
_NAMING_WORDS_MAX = 400

_LABEL = re.compile(r"""(?<![^\s,{;(\[])([A-Za-z_][\w.\-/]*)=("(?:[^"\\]|\\.)*"|'[^']*'|[^\s,;}\])]*)[,;]?""")
_TELLING = frozenset({"alertname", "description", "err", "error", "exception", "message", "msg", "reason", "summary"})


@dataclass(frozen=True, slots=True)
class Question:
    """``prose`` says what is the matter, ``labels`` (values alone) where."""

    prose: str
    labels: str = ""

    @classmethod
    def parse(cls, text: str) -> "Question":
        """Take ``text`` apart; a text of labels alone is all prose, for there is nothing else to go by.

        >>> Question.parse('alertname=NodeDown job="node" the node is gone')
        Question(prose='NodeDown the node is gone', labels='node')
        """
        labels: list[str] = []

        def keep_or_set_aside(match: re.Match[str]) -> str:
            value = match.group(2).strip("\"'")
            if match.group(1).lower() in _TELLING or " " in value:
                return value + " "
            labels.append(value)
            return " "

        prose = " ".join(_LABEL.sub(keep_or_set_aside, text).split())
        return cls(prose, " ".join(labels)) if terms(prose) else cls(text)

    def terms(self) -> dict[str, float]:
        """Terms with weights: repeats count by logarithm, neighbours as one word and labels a little."""
        weights = {term: 1.0 + float(np.log(count)) for term, count in Counter(terms(self.prose)).items()}
        for term in compounds(self.prose):
            weights.setdefault(term, COMPOUND_WEIGHT)
        for term in terms(self.labels):
            weights.setdefault(term, LABEL_WEIGHT)
        return weights

    def naming(self) -> list[str]:
        """The terms that may cover a title: those of the prose, for a label names a place and no trouble."""
        return distinct((*terms(self.prose), *compounds(self.prose)))

    def names(self) -> set[str]:
        """The name keys of every word and run of words of the prose: whatever it may call by name.

        >>> "kubepodcrashlooping" in Question("is Kube Pod Crash-Looping again").names()
        True
        """
        keys = [name_key(word) for word in words(self.prose)[:_NAMING_WORDS_MAX]]
        return {
            "".join(keys[start:end])
            for start in range(len(keys))
            for end in range(start + 1, min(start + _NAME_WORDS_MAX, len(keys)) + 1)
        }

    def words(self) -> dict[str, tuple[str, ...]]:
        """The words of the prose as written, each with its terms; numbers and stop words are left out."""
        found = {word: word_terms(word) for word in words(self.prose) if not word.isdigit()}
        return {word: word_terms for word, word_terms in found.items() if word_terms}
