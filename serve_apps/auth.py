"""Who may ask for what: bearer tokens with scopes, and checks that a browser was not led here by another site.

On loopback without tokens everyone on the machine may do everything, so there the Host and Origin headers are what
keeps foreign web pages (DNS rebinding, cross-site requests) out.
"""

import hmac
import ipaddress
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from grace_ray.core.errors import Forbidden, GraceError, InvalidInput, Unauthorized
from grace_ray.settings import AuthToken, Settings
from serve_apps.problems import of_error

COOKIE = "grace_token"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
# What holds the fleet's data or acts on it. Everything else (the console's shell and static files, the login, health)
# holds none, and must be reachable for a person to log in.
_GUARDED = ("/api/", "/v1/", "/metrics", "/docs", "/openapi.json")
# GitHub cannot send a bearer token: its HMAC signature, which the route checks, stands for one.
_OPEN = frozenset({"/api/session", "/api/integrations/github"})
_LEARNING = "/api/v1/learning/"
_INGEST = (
    *("/api/events", "/api/integrations/", "/api/metrics", "/api/v1/write", "/v1/"),
    *(f"{_LEARNING}recommendations/track", f"{_LEARNING}outcomes/"),
)


def scope_for(method: str, path: str) -> str | None:
    """Return the scope that a request needs; None where none does."""
    if path in _OPEN or not path.startswith(_GUARDED):
        return None
    if method in _READING:
        return "read"
    return "ingest" if path.startswith(_INGEST) else "operate"


class Guard:
    """ASGI middleware that answers 401, 403 or 400 to what may not pass; sets ``scope["grace.caller"]`` to a name.

    ``scope["grace.workspaces"]`` are those that the token is bound to, () for all. Who is bound to some sees nothing
    but them: what the rest of the API shows is of all workspaces together.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings
        self.is_open = settings.is_loopback and not settings.tokens
        self.own_hosts = {"localhost", "127.0.0.1", "::1", settings.http_host}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request pass, or answer why not."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        try:
            self._check(scope)
        except GraceError as error:
            await of_error(error)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
            raise InvalidInput("A NUL character cannot stand in an address.", "path")
        host = headers.get("host", "")
        if self.settings.is_loopback and _host_name(host) not in self.own_hosts:
            raise Forbidden("The Host header does not name this machine.", "Host")
        if scope.get("method") not in _READING:
            _check_origin(headers, host)
        scope["grace.caller"] = self._caller(scope, headers)

    def _caller(self, scope: Scope, headers: Headers) -> str:
        needed = scope_for(scope.get("method", "GET"), scope["path"])
        if self.is_open or needed is None:
            return ""
        token = token_of(headers)
        if not token:
            raise Unauthorized("This needs a token: Authorization: Bearer <token>.", "Authorization")
        who = match(token, self.settings.tokens)
        if who is None:
            raise Unauthorized("The token is not known.", "Authorization")
        if needed not in who.scopes and "admin" not in who.scopes:
            raise Forbidden(f"The token {who.name!r} has no scope {needed!r}.", "Authorization")
        if who.workspaces and needed != "ingest" and not scope["path"].startswith(_LEARNING):
            raise Forbidden(f"The token {who.name!r} is for its workspaces alone.", "Authorization")
        scope["grace.workspaces"] = who.workspaces
        return who.name


def match(token: str, known: Iterable[AuthToken]) -> AuthToken | None:
    """Return the known token that equals ``token``, or None; takes as long for any wrong token."""
    given = token.encode("utf-8", "surrogateescape")
    found = None
    for candidate in known:
        secret = candidate.token.get_secret_value().encode()
        if hmac.compare_digest(given, secret) and secret:
            found = candidate
    return found


def token_of(headers: Headers) -> str:
    """Return the token that a request carries, as a bearer token or as the console's cookie; "" for none."""
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    cookie = SimpleCookie()
    try:
        cookie.load(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookie[COOKIE].value if COOKIE in cookie else ""


def _check_origin(headers: Headers, host: str) -> None:
    origin = headers.get("origin")
    if origin is not None and _authority(origin) != host.lower():
        raise Forbidden("The request comes from a page of another site.", "Origin")
    if origin is None and headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        raise Forbidden("The request comes from a page of another site.", "Sec-Fetch-Site")


def _authority(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _host_name(host: str) -> str:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name.rstrip(".")
    return "127.0.0.1" if address.is_loopback else name
