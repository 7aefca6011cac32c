"""Passages to segments: the sentences, steps and commands that a statement can be made of.

Markdown-aware: a list item is one step, a code block belongs to the sentence before it, headings say what kind of
advice follows. Each segment keeps the words as they stand in the source, for the quotation.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

TEXT_MAX = 600
QUOTE_MAX = 1200
_WORDS_MIN = 4
_LEAD_MAX = 80

_FENCE = re.compile(r"^\s*(```|~~~)")
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+(.*?)\s*#*$")
_ITEM = re.compile(r"^(\s*)(?:[-*+]|\d{1,2}[.)])\s+(.*)$")
_SENTENCE_END = re.compile(r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)(?<!etc\.)(?<!vs\.)(?<!cf\.)\s+(?=[A-Z0-9`\"'(\[])")
_LINK = re.compile(r"!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])")
_TAG = re.compile(r"</?[A-Za-z][^>\n]{0,200}>|\{\{.*?\}\}")
_EMPHASIS = re.compile(r"\*\*|__|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)")
_NOISE = re.compile(
    r"\b(todo|tbd|fixme)\b|command needed|^\W*\[?\d+\]?\W*$|^(see|see also|source|link)\b.{0,60}$",
    re.IGNORECASE,
)
_PROMPT = re.compile(r"^\s*[$#>]\s+", re.MULTILINE)

# What sections of operations documents are called, and how much what stands in them helps to act.
_SECTIONS = tuple(
    (re.compile(pattern, re.IGNORECASE), weight)
    for pattern, weight in (
        (r"mitigat|resol|remed|fix|solution|solve|workaround|recover|action|what to do|how to|repair|prevent", 1.0),
        (r"diagnos|troubleshoot|debug|investigat|check|cause|why|analy|verif", 0.85),
        (r"meaning|descri|overview|summary|symptom|about|context|background", 0.4),
        (r"impact|severity|effect", 0.3),
        (r"reference|see also|links|further|licen[sc]e|changelog|contribut|author", 0.0),
    )
)
_PLAIN_SECTION = 0.5
_VERBS = """
    add adjust allow apply ask avoid change check clean clear compare configure consider create debug decrease delete
    deploy disable drain enable ensure examine execute expand find fix free get identify increase inspect install
    investigate kill list look lower make migrate monitor move open query raise reboot recreate reduce remove renew
    replace reset resize restart restore retry revert review rollback roll rotate run scale see set start stop switch
    throttle tune try uncordon update upgrade use validate verify wait
"""
_IMPERATIVE = re.compile(
    rf"(?:(?:please|then|first|next|finally|also|if [^,]{{3,80}}),? )?(?:{'|'.join(_VERBS.split())})\b", re.IGNORECASE
)


@dataclass(slots=True)
class _Draft:
    """A paragraph, list item or code block in the making."""

    heading: str
    is_step: bool
    lead: str = ""
    lines: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    fenced: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One thing that a passage says.

    ``text`` reads alone, ``quote`` is verbatim; ``section`` (0..1) says how much its heading promises to help,
    ``place`` (0..1) where in the passage it stands; ``action`` (0..1) how much it tells to do: commands and
    imperatives fully, other list items in part.
    """

    text: str
    quote: str
    section: float
    place: float
    action: float


def segments(passage: str, heading: str = "") -> list[Segment]:
    """Return what a Markdown (or plain) passage says, in reading order; ``heading`` is the path of headings above."""
    found = [item for draft in _drafts(passage, heading) for item in _split(draft)]
    last = max(1, len(found) - 1)
    return [
        Segment(
            text=text,
            quote=quote[:QUOTE_MAX],
            section=section_weight(draft.heading),
            place=number / last,
            action=1.0 if draft.code or _IMPERATIVE.match(text) else 0.4 * draft.is_step,
        )
        for number, (draft, text, quote) in enumerate(found)
    ]


def section_weight(heading: str) -> float:
    """Return how much a section of that name helps to act, 0..1; the innermost heading that says something decides.

    >>> section_weight("Diagnosis > Mitigation"), section_weight("Impact"), section_weight("Kafka")
    (1.0, 0.3, 0.5)
    """
    for part in reversed(re.split(r"\s[>/›]\s|\n", heading)):
        for pattern, weight in _SECTIONS:
            if pattern.search(part):
                return weight
    return _PLAIN_SECTION


def _drafts(passage: str, heading: str) -> Iterator[_Draft]:
    draft = _Draft(heading, False)
    fence = ""
    for line in passage.splitlines():
        opening = _FENCE.match(line)
        if fence:
            draft.fenced.append(line)
            if opening and opening.group(1) == fence:
                fence = ""
            else:
                draft.code.append(line)
        elif opening:
            fence = opening.group(1)
            draft.fenced.append(line)
        elif found := _heading_of(line):
            yield draft
            draft = _Draft(found, False)
        elif _ITEM.match(line):
            yield draft
            draft = _Draft(draft.heading, True, _lead(draft), [line])
        elif not line.strip():
            if draft.code or (draft.lines and not draft.lines[-1].rstrip().endswith(":")):
                yield draft
                draft = _Draft(draft.heading, False)
        elif draft.code:
            yield draft
            draft = _Draft(draft.heading, False, "", [line])
        else:
            draft.lines.append(line)
    yield draft


def _lead(before: _Draft) -> str:
    """Return the words that introduce a list (``Other things to check:``), passed on from item to item."""
    if before.is_step:
        return before.lead
    words = clean(" ".join(before.lines))
    return words if words.endswith(":") and len(words) <= _LEAD_MAX else ""


def _heading_of(line: str) -> str:
    """Return the heading that a line is: marked, or a bare section name such as a joined passage carries."""
    marked = _HEADING.match(line)
    if marked:
        return marked.group(1)
    bare = line.strip()
    is_bare = 0 < len(bare) <= 60 and len(bare.split()) <= 4 and bare[0].isupper() and bare[-1].isalnum()
    return bare if is_bare and any(pattern.search(bare) for pattern, _ in _SECTIONS) else ""


def _split(draft: _Draft) -> Iterator[tuple[_Draft, str, str]]:
    """Yield (draft, text, quote) of each sentence; a code block goes with the last one."""
    raw = "\n".join(draft.lines)
    item = _ITEM.match(raw.split("\n", 1)[0])
    body = raw if item is None else item.group(2) + raw[len(item.group(0)) :]
    sentences = [body] if draft.is_step else _SENTENCE_END.split(body)
    for number, sentence in enumerate(sentences):
        is_last = number == len(sentences) - 1
        code = _PROMPT.sub("", "\n".join(draft.code)).strip() if is_last else ""
        text = clean(sentence)
        if draft.lead and not _IMPERATIVE.match(text):
            text = f"{draft.lead} {text}"
        if code and len(code) <= TEXT_MAX // 2 and not _NOISE.search(code):
            text = f"{text or 'Run:'} `{'; '.join(code.splitlines())}`"
        if is_useful(text) and not text.endswith(":"):
            fenced = draft.fenced if is_last else []
            yield draft, text, "\n".join([sentence.strip("\n"), *fenced]).strip()


def clean(text: str) -> str:
    """Return Markdown prose as one line: links by their words, no tags or emphasis; code spans stay as they are.

    >>> clean("See **the** [manual](https://example.org) for `my_tool __init__`")
    'See the manual for `my_tool __init__`'
    """
    spans = text.split("`")
    spans[::2] = [_EMPHASIS.sub("", _TAG.sub("", span)) for span in spans[::2]]
    return " ".join(_LINK.sub(r"\1", "`".join(spans)).split())


def is_useful(text: str) -> bool:
    """Whether a text can stand as a statement: enough words, not too long, not a to-do or a bare reference."""
    if len(text) > TEXT_MAX or _NOISE.search(text) or text.startswith(("http://", "https://", "|")):
        return False
    return len(text.split()) >= _WORDS_MIN and any(character.isalpha() for character in text)
