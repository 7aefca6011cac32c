"""The borders between workspaces: whoever asks for another's is told that there is no such thing, and it is noted."""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Query, Request

from grace_ray.core.clock import utc_now
from grace_ray.core.errors import NotFound
from grace_ray.core.fact import Fact
from grace_ray.core.ids import derived_id
from grace_ray.core.recommendation import KIND, LEARNING_VIEW, RECOMMENDATIONS_VIEW, TRUST_VIEW, key_of, source_of
from grace_ray.core.store import EntryFilter, Reader
from grace_ray.sense.recommendation_fields import workspace
from serve_apps.dependencies import TheGateway
from serve_apps.gateway import Gateway

PART = "trust"
REFUSED = "workspace.refused"
_SOURCE = "grace/http"
_KINDS = frozenset({KIND})
_LOOKS = 11  # longer and longer apart: where the part is far behind, looking takes from it what it works with
_PAUSE_S, _LONGER, _LONGEST_S = 0.025, 1.5, 0.25
_NOTED_MAX = 20
_VIEWS = {"agent": TRUST_VIEW, "learning cycle": LEARNING_VIEW}
"""Where there are what may be asked for by name, and by which column of recommendations the rest is known."""
_COLUMNS = {"workflow": "workflow_id", "question": "correlation_id"}


async def enter(request: Request, names: Iterable[Any]) -> None:
    """Return where whoever asks may ask for these workspaces.

    Raises InvalidInput for what is no name, NotFound for a workspace that the token is not bound to.
    """
    asked = dict.fromkeys(map(workspace, names))
    bound: tuple[str, ...] = request.scope.get("grace.workspaces", ())
    others = [name for name in asked if name not in bound] if bound else []
    for name in others[:_NOTED_MAX]:
        await note(request.app.state.gateway, ",".join(bound), "workspace", name)
    if others:
        raise NotFound(f"There is no workspace {others[0]!r}.", "workspace_id")


async def note(gateway: Gateway, workspace_id: str, what: str, asked: str) -> None:
    """Put on the journal that a workspace asked for what is another's; the same in one minute once."""
    now = utc_now()
    await gateway.append([_refused(workspace_id, what, asked, now).to_row()])


async def unknown(gateway: Gateway, workspace_id: str, what: str, asked: str, field: str = "") -> NotFound:
    """Return the error that says that a workspace has no such recommendation, agent, workflow, question or cycle.

    It is the same whether another workspace has it or not; where one has, it is noted.
    """
    if await asyncio.to_thread(_is_elsewhere, gateway.reader, workspace_id, what, asked):
        await note(gateway, workspace_id, what, asked)
    return NotFound(f"Workspace {workspace_id} has no {what} {asked!r}.", field or f"{what}_id")


async def settled(gateway: Gateway, workspace_id: str) -> None:
    """Return once what the workspace has sent so far is taken up, or after a second and a half: it is there later."""
    if not gateway.settings.trust.enabled:
        return
    upto, pause_s = await asyncio.to_thread(gateway.reader.head), _PAUSE_S
    for _ in range(_LOOKS):
        if not await asyncio.to_thread(has_news, gateway.reader, workspace_id, upto):
            return
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * _LONGER, _LONGEST_S)


def has_news(reader: Reader, workspace_id: str, upto: int) -> bool:
    """Return whether entries of a workspace with seq <= ``upto`` are not taken up yet."""
    cursor, _ = reader.cursors().get(PART, (0, 0))
    return cursor < upto and any(
        reader.entries(cursor, 1, EntryFilter(kinds=_KINDS, source=source_of(workspace_id, what), highest=upto))
        for what in ("recommendations", "outcomes")
    )


def _is_elsewhere(reader: Reader, workspace_id: str, what: str, asked: str) -> bool:
    if what == "recommendation":
        own = source_of(workspace_id, "recommendations")
        return any(entry.kind == KIND and entry.source != own for entry in reader.find(asked))
    view = _VIEWS.get(what, RECOMMENDATIONS_VIEW)
    others = [name for name in reader.workspaces(view) if name != workspace_id]
    if what in _COLUMNS:
        return any(reader.matching(view, _COLUMNS[what], asked, name, 1) for name in others)
    return bool(reader.find_records(view, [key_of(name, asked) for name in others]))


def _refused(workspace_id: str, what: str, asked: str, now: datetime) -> Fact:
    minute = now.replace(second=0, microsecond=0)
    return Fact(
        id=derived_id(minute, REFUSED, workspace_id, what, asked),
        at=now,
        kind="finding",
        type=REFUSED,
        source=_SOURCE,
        subject=workspace_id,
        body={"what": what, "asked": asked},
    )


async def _asked(
    request: Request, workspace_id: Annotated[str, Query(description="Whose: nothing leaks between workspaces")]
) -> str:
    await enter(request, [workspace_id])
    return workspace_id


async def _up_to_date(workspace_id: Annotated[str, Depends(_asked)], gateway: TheGateway) -> str:
    await settled(gateway, workspace_id)
    return workspace_id


Workspace = Annotated[str, Depends(_asked)]
"""The workspace that a GET names, once whoever asks may ask for it."""
UpToDate = Annotated[str, Depends(_up_to_date)]
"""The same, once what it has sent so far is taken up."""
