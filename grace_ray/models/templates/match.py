"""What the miner says of a line."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The template that a line is of.

    ``template_id``: 12 hexadecimal digits, derived from the first line of the template, the same in every process.
    ``template``: its text so far, each variable part as ``<*>``.
    ``is_new``: whether this line is the first of its template.
    """

    template_id: str
    template: str
    is_new: bool
