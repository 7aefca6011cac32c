"""Documents to passages: Markdown cut along its headings, plain text along its paragraphs, within bounds of size.

A passage is what is embedded, ranked and quoted: big enough to be understood alone, small enough for the embedding
model's window (256 word pieces, about 1,000 characters of prose). Code blocks stay whole unless one alone exceeds the
bound. Small neighbouring sections are put together, so that a "TODO" is no passage of its own.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_CHARS = 1_000
MIN_CHARS = 200

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_ATX = re.compile(r"^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_SETEXT = re.compile(r"^ {0,3}(=+|-{2,})[ \t]*$")
_TITLE = re.compile(r"""^title:[ \t]*(?:"([^"]*)"|'([^']*)'|(.+?))[ \t]*$""", re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_MARKUP = re.compile(r"[*`]+|\B_|_\B|</?[A-Za-z][^>\n]*>")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One quotable piece of a document.

    ``heading`` is the path of headings above it, outermost first, without the document's title; ``line`` is the
    1-based line of the source where it starts.
    """

    text: str
    heading: tuple[str, ...] = ()
    line: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """A document ready to be indexed: its title, other names it goes by, and its passages in order."""

    title: str
    passages: tuple[Passage, ...]
    aliases: tuple[str, ...] = ()


@dataclass(slots=True)
class _Block:
    """A paragraph, or a fenced code block, with the headings above it."""

    lines: list[str]
    line: int
    heading: tuple[str, ...]
    is_code: bool = False

    @property
    def text(self) -> str:
        return "\n".join(self.lines).strip("\n")


@dataclass(slots=True)
class _Draft:
    """A passage in the making."""

    heading: tuple[str, ...]
    line: int
    parts: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        return sum(len(part) + 2 for part in self.parts)


def split_markdown(source: str, name: str = "", max_chars: int = MAX_CHARS, min_chars: int = MIN_CHARS) -> Article:
    """Cut Markdown into passages of at most ``max_chars``, joining sections smaller than ``min_chars``.

    The title is ``name`` (a file's name without its suffix) if given, else the front matter's title, else the first
    level-one heading, else the first words; the others become aliases. Text is kept as written, front matter and
    comments aside. Never fails: anything is Markdown.
    """
    front, body, skipped = _front_matter(source.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff"))
    body = _COMMENT.sub(lambda comment: "\n" * comment.group().count("\n"), body)
    blocks, first_heading = _blocks(body, skipped)
    names = [text for text in (name, _title_of(front), first_heading) if text]
    title = names[0] if names else _first_words(body)
    drafts = _join_small(list(_fill(blocks, max_chars)), max_chars, min_chars)
    return Article(
        title=title,
        passages=_passages(drafts, names),
        aliases=tuple(alias for alias in dict.fromkeys(names) if alias != title),
    )


def split_text(source: str, title: str = "", max_chars: int = MAX_CHARS, min_chars: int = MIN_CHARS) -> Article:
    """Cut plain text at blank lines into passages of at most ``max_chars``."""
    blocks: list[_Block] = []
    for number, line in enumerate(source.splitlines(), 1):
        if not line.strip():
            blocks.append(_Block([], number + 1, ()))
        elif blocks:
            blocks[-1].lines.append(line)
        else:
            blocks.append(_Block([line], number, ()))
    drafts = _join_small(list(_fill([b for b in blocks if b.lines], max_chars)), max_chars, min_chars)
    return Article(title=title or _first_words(source), passages=_passages(drafts, []))


def readable(text: str) -> str:
    """Markdown without link targets, emphasis and tags: what an embedding should see.

    >>> readable("See **the** [manual](https://example.org) for `kubectl`")
    'See the manual for kubectl'
    """
    return _MARKUP.sub("", _LINK.sub(r"\1", text))


def _front_matter(source: str) -> tuple[str, str, int]:
    """(front matter, body, lines skipped); Hugo's ``+++`` counts as well as ``---``."""
    for rule in ("---", "+++"):
        if source.startswith(rule + "\n"):
            end = source.find(f"\n{rule}", len(rule))
            closing = source.find("\n", end + 1) if end >= 0 else -1
            if end >= 0 and source[end + 1 : closing if closing >= 0 else None].strip() == rule:
                body = source[closing + 1 :] if closing >= 0 else ""
                return source[len(rule) + 1 : end + 1], body, source[: closing + 1].count("\n")
    return "", source, 0


def _title_of(front: str) -> str:
    found = _TITLE.search(front.replace(" = ", ": "))
    return next((text.strip() for text in found.groups() if text), "") if found else ""


def _first_words(body: str) -> str:
    return " ".join(readable(body).split()[:8])


def _blocks(body: str, skipped: int) -> tuple[list[_Block], str]:
    """All blocks, each with its heading path, and the text of the first level-one heading."""
    blocks: list[_Block] = []
    path: dict[int, str] = {}
    first_heading, fence = "", ""
    for number, line in enumerate(body.split("\n"), skipped + 1):
        if fence:
            blocks[-1].lines.append(line)
            if line.strip().startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
                blocks.append(_Block([], number + 1, _path(path)))
        elif opening := _FENCE.match(line):
            fence = opening.group(1)
            blocks.append(_Block([line], number, _path(path), is_code=True))
        elif found := _heading(line, blocks):
            level, text = found
            first_heading = first_heading or (text if level == 1 else "")
            path = {above: name for above, name in path.items() if above < level} | {level: text}
            blocks.append(_Block([], number + 1, _path(path)))
        elif not line.strip() or not blocks:
            blocks.append(_Block([line] if line.strip() else [], number if line.strip() else number + 1, _path(path)))
        else:
            blocks[-1].lines.append(line)
    return [block for block in blocks if block.text.strip()], first_heading


def _path(path: dict[int, str]) -> tuple[str, ...]:
    return tuple(path[level] for level in sorted(path) if path[level])


def _heading(line: str, blocks: list[_Block]) -> tuple[int, str] | None:
    """Level and text if ``line`` is a heading; an underlined one takes its text back from the block above."""
    if atx := _ATX.match(line):
        return len(atx.group(1)), readable(atx.group(2) or "").strip()
    underline = _SETEXT.match(line)
    if underline and blocks and len(blocks[-1].lines) == 1 and not blocks[-1].is_code:
        text = readable(blocks[-1].lines[0]).strip()
        if text and "|" not in text:
            blocks.pop()
            return (1 if underline.group(1)[0] == "=" else 2), text
    return None


def _fill(blocks: list[_Block], max_chars: int) -> Iterator[_Draft]:
    """Pack blocks of one section into drafts up to the bound."""
    draft: _Draft | None = None
    for block in blocks:
        for piece in _pieces(block, max_chars):
            if draft and (draft.heading != block.heading or draft.size + len(piece) > max_chars):
                yield draft
                draft = None
            if draft is None:
                draft = _Draft(block.heading, block.line)
            draft.parts.append(piece)
    if draft:
        yield draft


def _pieces(block: _Block, max_chars: int) -> Iterator[str]:
    """The block whole if it fits; else code by lines, and prose by sentences, then by words, then by force."""
    text = block.text
    if len(text) <= max_chars:
        yield text
        return
    units, glue = (block.lines, "\n") if block.is_code else (_SENTENCE_END.split(text), " ")
    held = ""
    for unit in (part for whole in units for part in _short(whole, max_chars)):
        if held and len(held) + len(glue) + len(unit) > max_chars:
            yield held
            held = unit
        else:
            held = f"{held}{glue}{unit}" if held else unit
    if held:
        yield held


def _short(unit: str, max_chars: int) -> Iterator[str]:
    while len(unit) > max_chars:
        cut = max(unit.rfind(" ", 0, max_chars), unit.rfind("\n", 0, max_chars))
        cut = cut if cut > 0 else max_chars
        yield unit[:cut]
        unit = unit[cut:].lstrip()
    yield unit


def _join_small(drafts: list[_Draft], max_chars: int, min_chars: int) -> list[_Draft]:
    """Join small neighbours; a heading that is lost on the way stays as text."""
    joined: list[_Draft] = []
    for draft in drafts:
        last = joined[-1] if joined else None
        if last and _belong_together(last, draft, min_chars) and last.size + draft.size + 80 <= max_chars:
            common = _common(last.heading, draft.heading)
            if last.heading != common:
                last.parts.insert(0, " / ".join(last.heading[len(common) :]))
            if draft.heading != common:
                last.parts.append(" / ".join(draft.heading[len(common) :]))
            last.heading = common
            last.parts += draft.parts
        else:
            joined.append(draft)
    return joined


def _belong_together(last: _Draft, draft: _Draft, min_chars: int) -> bool:
    """Whether both are small, or one is and their section is the same or within the other's."""
    if last.size >= min_chars and draft.size >= min_chars:
        return False
    is_within = _common(last.heading, draft.heading) in {last.heading, draft.heading} and bool(last.heading)
    return is_within or (last.size < min_chars and draft.size < min_chars)


def _common(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    size = 0
    while size < min(len(one), len(other)) and one[size] == other[size]:
        size += 1
    return one[:size]


def _passages(drafts: list[_Draft], names: list[str]) -> tuple[Passage, ...]:
    """Drafts as passages; the document's own names are no part of a heading path."""
    return tuple(
        Passage(
            text="\n\n".join(draft.parts),
            heading=tuple(text for text in draft.heading if text not in names),
            line=draft.line,
        )
        for draft in drafts
    )
