"""Errors to answers: one table from the error tree to RFC 9457 problems, which name the field at fault."""

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from grace_ray.core import errors

log = structlog.get_logger("grace.http")

# The nearest class in an error's own line of descent decides.
STATUS: Mapping[type[errors.GraceError], int] = {
    errors.InvalidInput: 422,
    errors.TooLarge: 413,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.CallerError: 400,
    errors.Unreachable: 502,
    errors.Refused: 502,
    errors.OutsideError: 502,
    errors.RateLimited: 503,
    errors.Backpressure: 429,
    errors.StoreUnavailable: 503,
    errors.PartAway: 503,
    errors.StaleCursor: 503,
    errors.NewerVersion: 503,
    errors.Disabled: 503,
    errors.Tampered: 500,
    errors.RuntimeFault: 503,
    errors.GraceError: 500,
}
# A request that cannot be read at all has the request itself at fault, not a value in it.
UNREADABLE: Mapping[str, int] = {"body": 400, "content-type": 415, "content-encoding": 415}
RETRY_LATER_S = 2
DOCUMENTED: dict[str, Any] = {
    "description": "An RFC 9457 problem",
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "required": ["type", "title", "status", "detail"],
                "properties": {
                    "type": {"type": "string"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string"},
                    "field": {"type": "string", "description": "The input at fault"},
                },
            }
        }
    },
}


def status_of(error: errors.GraceError) -> int:
    """Return the HTTP status of an error."""
    if isinstance(error, errors.InvalidInput) and error.field in UNREADABLE:
        return UNREADABLE[error.field]
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def problem(
    status: int, detail: str, field: str = "", headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    """Return an RFC 9457 answer; ``more`` are further members, such as ``rejected``."""
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    if field:
        body["field"] = field
    return Response(orjson.dumps(body), status, dict(headers or {}), "application/problem+json")


def of_error(error: errors.GraceError, **more: Any) -> Response:
    """Return the problem that tells of ``error``, with Retry-After where a later try may do."""
    status = status_of(error)
    headers = {}
    is_passing = status == 503 and not isinstance(error, errors.Disabled)
    retry_after_s = getattr(error, "retry_after_s", RETRY_LATER_S if is_passing else None)
    if retry_after_s is not None:
        headers["Retry-After"] = str(max(1, math.ceil(retry_after_s)))
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="grace"'
    return problem(status, error.message, error.field, headers, **more)


def install(app: FastAPI) -> None:
    """Make every error of ``app`` a problem answer."""
    app.add_exception_handler(errors.GraceError, _grace_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(Exception, _bug)


async def _grace_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.GraceError)
    if status_of(error) >= 500 and not isinstance(error, errors.Disabled):
        log.warning("request_failed", path=request.url.path, error=error.message, kind=type(error).__name__)
    return of_error(error)


async def _validation_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    first = found[0]
    field = field_name(first["loc"])
    if first["type"] == "json_invalid":
        return problem(400, f"The body is not JSON: {first['ctx']['error']}.", "body")
    others = [{"field": field_name(item["loc"]), "detail": item["msg"]} for item in found[:20]]
    return problem(422, f"{field}: {first['msg']}.", field, errors=others)


def field_name(loc: Sequence[int | str]) -> str:
    """Return where a value stands, as people write it: ``documents[2].title``.

    >>> field_name(("body", "documents", 2, "title"))
    'documents[2].title'
    """
    parts = loc[1:] if len(loc) > 1 else loc
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.removeprefix(".")


async def _http_exception(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    field = "body" if error.status_code in {400, 413} else ""
    return problem(error.status_code, f"{error.detail}.", field, error.headers)


async def _bug(request: Request, error: Exception) -> Response:
    if type(error).__name__ == "TaskCancelledError":  # so Ray Serve says that the client went away
        return problem(503, "Who asked has gone.")
    log.error("request_crashed", path=request.url.path, method=request.method, exc_info=error)
    headers = {"X-Request-ID": request.scope.get("grace.request_id", "")}
    return problem(500, "Grace failed to answer; the log has the details under this request id.", headers=headers)
