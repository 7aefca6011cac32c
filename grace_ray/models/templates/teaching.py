"""What a person taught the miner about its groups."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Teaching:
    """One lesson; it holds until it is undone.

    ``kind``: ``merge`` (lines of ``other_id`` count as lines of ``template_id``) or ``split`` (lines like the one that
    was shown, once lines of ``template_id``, are lines of ``other_id``).
    ``alike``: for a split, what such lines have in common: the line itself, its masked form, or its key.
    """

    teaching_id: int
    kind: Literal["merge", "split"]
    template_id: str
    other_id: str
    alike: str = ""
