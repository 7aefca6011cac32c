"""A mission's question as a search query: all of it for what stays at home, harmless words for the outside world."""

import re

from grace_ray.core.mission import Question
from grace_ray.models.retrieval.analysis import STOP_WORDS
from grace_ray.models.templates.masks import WILDCARD, mask

QUERY_MAX = 1200
PUBLIC_WORDS_MAX = 10

_TOKEN = re.compile(r"[^\s,;()\[\]{}<>\"'=|]+")
_PUBLIC = re.compile(r"[A-Za-z][A-Za-z_+#-]{1,29}")
_BOILERPLATE = frozenset({"learn", "resolve", "domain", "cluster", "error", "mission", "severity", "unknown", "custom"})


def home_query(question: Question) -> str:
    """Return everything that may help a search in Grace's own knowledge, at most QUERY_MAX characters.

    Of a cluster's messages, which its text has, only what does not vary: an address is in no runbook. A person's
    question stays as it is, and may lean on its topic.
    """
    if question.messages:
        parts = (mask(question.text).replace(WILDCARD, " "), *question.terms)
    else:
        parts = (question.text, *question.terms, question.topic)
    return " ".join(dict.fromkeys(part.strip() for part in parts if part.strip()))[:QUERY_MAX]


def public_words(question: Question) -> list[str]:
    """Return at most PUBLIC_WORDS_MAX words that may leave the house: plain words and the names of programs.

    Addresses, host names, paths, ids, mail addresses and anything with a digit in it stay at home: a message may hold
    what is nobody else's business.
    """
    chosen: dict[str, str] = {}
    for text in (question.topic, *question.terms, *question.messages[:2], question.text):
        for token in _TOKEN.findall(text):
            word = token.strip(".:!?`*")
            if _PUBLIC.fullmatch(word) and word.lower() not in STOP_WORDS | _BOILERPLATE:
                chosen.setdefault(word.lower(), word)
    return list(chosen.values())[:PUBLIC_WORDS_MAX]
