"""Outcomes that are said again: what stands is a repeat; what something else has replaced since is said anew."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from grace_ray.core.fact import Row
from grace_ray.core.recommendation import JUDGED, RECOMMENDATIONS_VIEW, key_of
from grace_ray.core.store import Reader
from grace_ray.sense.recommendations import said_anew
from serve_apps.gateway import Gateway
from serve_apps.workspaces import has_news, settled


async def appended(gateway: Gateway, rows: Sequence[Row]) -> tuple[int, list[Row]]:
    """Make recommendations or outcomes durable; return how many are new, and the rows as they stand on the journal.

    An outcome that was said before, and names neither itself nor its time, is a repeat only while nothing else was
    said since: approved, rejected, approved are three. Of several in one request for one recommendation the last tells.
    """
    answer = await gateway.append(rows)
    last = {(row.source, row.subject): place for place, row in enumerate(rows)}
    known = [place for place in last.values() if rows[place].type == JUDGED and not answer.is_new[place]]
    if not known:
        return answer.accepted, list(rows)
    said = {place: _body(rows[place]) for place in known}
    for workspace_id in sorted({each["workspace_id"] for each in said.values()}):
        await settled(gateway, workspace_id)
    anew = await asyncio.to_thread(_anew, gateway.reader, rows, said)
    if not anew:
        return answer.accepted, list(rows)
    more = await gateway.append(list(anew.values()))
    return answer.accepted + more.accepted, [anew.get(place, row) for place, row in enumerate(rows)]


def first_said(reader: Reader, row: Row) -> dict[str, Any]:
    """Return what stands on the journal under a row's id; what the row says where that is pruned."""
    found = (entry for entry in reader.find(row.id) if entry.source == row.source)
    return next((entry.content() for entry in found if entry.body), _body(row))


def _anew(reader: Reader, rows: Sequence[Row], said: Mapping[int, Mapping[str, Any]]) -> dict[int, Row]:
    """Return, of rows that the journal has already, those that say something else than what stands, as new ones.

    ``said`` is what they say, by their place among ``rows``.
    """
    behind = {name: has_news(reader, name, reader.head()) for name in {each["workspace_id"] for each in said.values()}}
    keys = {place: key_of(each["workspace_id"], each["recommendation_id"]) for place, each in said.items()}
    found = {record.key: record for record in reader.find_records(RECOMMENDATIONS_VIEW, list(set(keys.values())))}
    anew = {}
    for place in said:
        record = found.get(keys[place])
        if record is not None and record.body:
            # Where the part is far behind, what stands is not known: once too often harms nothing.
            is_known = not behind[said[place]["workspace_id"]]
            made = said_anew(rows[place], orjson.loads(record.body), is_known=is_known)
            if made is not None:
                anew[place] = made
    return anew


def _body(row: Row) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(row.body)
    return body
