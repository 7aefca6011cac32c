"""Calls about the journal and its proofs."""

from collections.abc import Sequence
from typing import Any, Literal

from grace_ray.client.answers import Page
from grace_ray.client.calls.call import Call, get, plain, plain_page


def journal(
    *,
    after: int | None = None,
    limit: int = 100,
    kind: str | Sequence[str] | None = None,
    source: str | None = None,
    type: str | None = None,  # noqa: A002 -- the API's own word
    subject: str | None = None,
    trace: str | None = None,
    q: str | None = None,
    order: Literal["asc", "desc"] = "asc",
) -> Call[Page[dict[str, Any]]]:
    """List journal entries; ``q`` is a substring of the body. ``next`` is the ``after`` of the page that follows.

    A search ends soon with what it has found: go on as long as there is a ``next``, even where a page is empty.
    """
    return get(
        "/api/journal",
        plain_page,
        after=after,
        limit=limit,
        kind=kind,
        source=source,
        type=type,
        subject=subject,
        trace=trace,
        q=q,
        order=order,
    )


def entry(seq: int) -> Call[dict[str, Any]]:
    """Get one journal entry. Raises NotFound."""
    return get(f"/api/journal/{seq}", plain)


def proof(seq: int, tree_size: int | None = None) -> Call[dict[str, Any]]:
    """Get the proof that an entry stands on the journal (RFC 6962 audit path), by default to the newest checkpoint."""
    return get(f"/api/journal/{seq}/proof", plain, tree_size=tree_size)


def public_key() -> Call[dict[str, Any]]:
    """Get the key that checkpoints are signed with: {key, hex, pem}."""
    return get("/api/journal/public-key", plain)


def checkpoint() -> Call[dict[str, Any]]:
    """Get the newest signed checkpoint. Raises NotFound before the first."""
    return get("/api/journal/checkpoint", plain)


def consistency(first: int, second: int) -> Call[dict[str, Any]]:
    """Get the proof that the tree of ``second`` entries begins with that of ``first``."""
    return get("/api/journal/consistency", plain, first=first, second=second)
