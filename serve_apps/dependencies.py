"""What routes are given: the gateway, the store's reader, and who asks."""

from typing import Annotated

from fastapi import Depends, Request

from grace_ray.core.ports import Playbooks
from grace_ray.core.store import Reader
from grace_ray.diagnose.metrics.catalog import Catalog
from serve_apps.gateway import Gateway

ANYONE = "operator"  # who acts where no token is asked for


async def _gateway(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.gateway
    return gateway


async def _reader(request: Request) -> Reader:
    reader: Reader = request.app.state.gateway.reader
    return reader


async def _catalog(request: Request) -> Catalog:
    catalog: Catalog = request.app.state.catalog
    return catalog


async def _playbooks(request: Request) -> Playbooks:
    playbooks: Playbooks = request.app.state.playbooks
    return playbooks


async def _caller(request: Request) -> str:
    return str(request.scope.get("grace.caller") or ANYONE)


def signature(by: str | None, caller: str) -> str:
    """Return who did it, for the journal: a token's name always stands there, whoever the caller says to be.

    >>> signature("ada", "operator"), signature(None, "ci"), signature("ada", "ci")
    ('ada', 'ci', 'ada (token ci)')
    """
    if caller == ANYONE or by in {None, "", caller}:
        return by or caller
    return f"{by} (token {caller})"


TheGateway = Annotated[Gateway, Depends(_gateway)]
TheReader = Annotated[Reader, Depends(_reader)]
TheCatalog = Annotated[Catalog, Depends(_catalog)]
ThePlaybooks = Annotated[Playbooks, Depends(_playbooks)]
Caller = Annotated[str, Depends(_caller)]
