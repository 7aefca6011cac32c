"""The console's login: a token becomes a cookie that scripts cannot read."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, SecretStr
from starlette.responses import Response

from grace_ray.core.errors import Unauthorized
from serve_apps.answers import as_json
from serve_apps.auth import COOKIE, match, token_of
from serve_apps.dependencies import TheGateway

router = APIRouter(prefix="/api/session", tags=["session"])


class Login(BaseModel):
    """A bearer token."""

    model_config = ConfigDict(extra="forbid")

    token: SecretStr


@router.get("", summary="Who am I?")
async def who(request: Request, gateway: TheGateway) -> Response:
    """{name, scopes, required}: whether a token is required, and whose the one sent is (empty: nobody's)."""
    tokens = gateway.settings.tokens
    found = match(token_of(request.headers), tokens)
    is_required = bool(tokens) or not gateway.settings.is_loopback
    scopes = list(found.scopes) if found else [] if is_required else ["admin"]
    return as_json({"name": found.name if found else "", "scopes": scopes, "required": is_required})


@router.post("", summary="Log in")
async def login(body: Login, request: Request, gateway: TheGateway) -> Response:
    """Sets a cookie that holds the token, for this site alone."""
    token = body.token.get_secret_value()
    found = match(token, gateway.settings.tokens)
    if found is None:
        raise Unauthorized("The token is not known.", "token")
    answer = as_json({"name": found.name, "scopes": list(found.scopes), "required": True})
    is_secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=is_secure)
    return answer


@router.delete("", status_code=204, summary="Log out")
async def logout() -> Response:
    """Takes the cookie back."""
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer
