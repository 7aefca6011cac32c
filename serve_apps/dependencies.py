"""What routes are given: the gateway, the store's reader, and who asks."""

from typing import Annotated

from fastapi import Depends, Request

from grace_ray.core.store import Reader
from serve_apps.gateway import Gateway


async def _gateway(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.gateway
    return gateway


async def _reader(request: Request) -> Reader:
    reader: Reader = request.app.state.gateway.reader
    return reader


async def _caller(request: Request) -> str:
    return str(request.scope.get("grace.caller") or "operator")


TheGateway = Annotated[Gateway, Depends(_gateway)]
TheReader = Annotated[Reader, Depends(_reader)]
Caller = Annotated[str, Depends(_caller)]
