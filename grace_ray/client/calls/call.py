"""One request of the HTTP API, and how its answer is read; what the families of calls are made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from grace_ray.client.answers import Page
from grace_ray.core.jsonable import from_plain

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T]):
    """One request, and how its answer is read."""

    method: str
    path: str
    read: Callable[[Any], T]
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None


def plain(answer: Any) -> dict[str, Any]:
    """Return a JSON object as it stands."""
    return dict(answer)


def plain_page(answer: Any) -> Page[dict[str, Any]]:
    """Return a page of JSON objects as they stand."""
    return Page(items=answer["items"], next=answer["next"])


def page(noun: type[T]) -> Callable[[Any], Page[T]]:
    """Return how a page of nouns is read."""
    return lambda answer: Page(items=[from_plain(noun, item) for item in answer["items"]], next=answer["next"])


def get(path: str, read: Callable[[Any], T], **params: Any) -> Call[T]:
    """Return a GET; parameters that are None are left out."""
    return Call(method="GET", path=path, read=read, params=given(params))


def post(path: str, read: Callable[[Any], T], **body: Any) -> Call[T]:
    """Return a POST; fields that are None are left out."""
    return Call(method="POST", path=path, read=read, body=given(body))


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that are not None."""
    return {name: value for name, value in values.items() if value is not None}
