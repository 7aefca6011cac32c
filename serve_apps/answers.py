"""Answers: nouns, records and pages as JSON, without a second set of models on the way out."""

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

import orjson
from fastapi import Query, Request
from starlette.responses import Response

from grace_ray.core.errors import InvalidInput, NotFound
from grace_ray.core.jsonable import to_plain
from grace_ray.core.store import Reader, Record, RecordPage

SEQ_MAX = 2**63 - 1
_LOOKS_MAX = 50

Limit = Annotated[int, Query(ge=1, le=1000, description="Items on one page")]
After = Annotated[str | None, Query(max_length=1000, description="The `next` of the page before")]


def describe_taken(*names: str, **more: Any) -> dict[str, Any]:
    """Return how OpenAPI describes the 202 to many things: ``names`` tell of one refused, ``more`` are schemas beside.

    >>> list(describe_taken("field")["content"]["application/json"]["schema"]["properties"])
    ['accepted', 'duplicates', 'rejected']
    """
    number, text = {"type": "integer"}, {"type": "string"}
    refused = {"index": number, **dict.fromkeys(names, text), "reason": text}
    rejected = {"type": "array", "items": {"type": "object", "properties": refused}}
    properties = {"accepted": number, "duplicates": number, "rejected": rejected, **more}
    return {
        "description": "Durable: how many were new, how many known already, and which were refused and why",
        "content": {"application/json": {"schema": {"type": "object", "properties": properties}}},
    }


def as_json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON answer of nouns and plain values."""
    return Response(orjson.dumps(to_plain(value)), status, headers, "application/json")


def as_page(page: RecordPage) -> Response:
    """Return {items, next}; record bodies are JSON already and are passed on as they stand."""
    body = b'{"items":' + _array(page.items) + b',"next":' + orjson.dumps(page.next) + b"}"
    return Response(body, media_type="application/json")


def as_part(items: Sequence[Any], key: Callable[[Any], str], limit: int, after: str | None) -> Response:
    """Return {items, next} of a list that is whole in memory: the items after the one whose ``key`` is ``after``."""
    keys = [key(item) for item in items]
    if after is not None and after not in keys:
        raise InvalidInput("The cursor is not one that a list gave, or what it stood at is gone.", "after")
    begin = 0 if after is None else keys.index(after) + 1
    end = begin + limit
    return as_json({"items": items[begin:end], "next": keys[end - 1] if end < len(items) else None})


def as_array(page: RecordPage, request: Request) -> Response:
    """Return a bare array of the page's records, the next page in a Link header."""
    return Response(_array(page.items), headers=next_link(page.next, request), media_type="application/json")


def filtered(
    reader: Reader, listed: tuple[str, str], limit: int, after: str | None, keep: Callable[[Record], bool]
) -> RecordPage:
    """Return a page of the records of ``listed`` (view, status) that ``keep`` lets pass.

    After looking at some thousand it ends with what it has: go on as long as there is a ``next``.
    """
    items: list[Record] = []
    for _ in range(_LOOKS_MAX):
        page = reader.records(*listed, limit - len(items), after)
        items += filter(keep, page.items)
        after = page.next
        if after is None or len(items) == limit:
            break
    return RecordPage(items, after)


def next_link(after: str | None, request: Request) -> dict[str, str]:
    """Return the Link header to the next page; nothing on the last one."""
    if after is None:
        return {}
    query = urlencode(
        [*((name, value) for name, value in request.query_params.items() if name != "after"), ("after", after)]
    )
    return {"Link": f'<{request.url.path}?{query}>; rel="next"'}


def record_body(reader: Reader, view: str, key: str, noun: str) -> dict[str, Any]:
    """Return the decoded body of one record. Raises NotFound, saying which ``noun`` there is not."""
    record = reader.record(view, key)
    if record is None or record.body is None:
        raise NotFound(f"There is no {noun} {key!r}.", noun)
    body: dict[str, Any] = orjson.loads(record.body)
    return body


def _array(records: Iterable[Record]) -> bytes:
    return b"[" + b",".join(record.body for record in records if record.body) + b"]"
