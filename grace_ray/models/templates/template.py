"""A template as callers see it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A group of lines.

    ``template_id``: the id that every line of the group resolves to.
    ``text``: its words, each variable part as ``<*>``.
    ``count``: how many lines it has had.
    ``members``: ids that a person's `teach_merge` put under it, itself first.
    """

    template_id: str
    text: str
    count: int
    members: tuple[str, ...]
