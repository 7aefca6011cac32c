"""Calls about what Grace knows."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from grace_ray.client.calls.call import Call, get, plain, post
from grace_ray.core.document import Document, Hit
from grace_ray.core.jsonable import from_plain, to_plain


def search(query: str, *, k: int = 5, origins: Sequence[str] = ()) -> Call[list[Hit]]:
    """Search what Grace knows; the best ``k`` passages, each with its source."""
    return get(
        "/api/knowledge",
        lambda answer: [from_plain(Hit, item) for item in answer["items"]],
        q=query,
        k=k,
        origin=list(origins) or None,
    )


def add_documents(documents: Sequence[Document]) -> Call[dict[str, Any]]:
    """Add documents to what Grace knows; answer {added, unchanged}."""
    wanted = ("source", "title", "text", "origin", "topic", "learned_from", "confidence", "at", "meta")
    texts = [to_plain(document) for document in documents]
    bodies = [{name: item[name] for name in wanted if item[name] not in (None, "", {})} for item in texts]
    return post("/api/knowledge", plain, documents=bodies)


def knowledge_stats() -> Call[dict[str, Any]]:
    """Count documents, passages and statements."""
    return get("/api/knowledge/stats", plain)


def knowledge_feedback(statement_id: str, *, useful: bool, by: str | None = None) -> Call[dict[str, Any]]:
    """Say whether a statement helped."""
    return post(f"/api/knowledge/{quote(statement_id, safe='')}/feedback", plain, useful=useful, by=by)
