"""All workspaces: each is brought to mind when it is first needed; a start does not wait for those that rest."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from grace_ray.core.jsonable import from_plain
from grace_ray.core.recommendation import PATTERNS_VIEW, TALLIES_VIEW, TRUST_VIEW
from grace_ray.core.store import Reader, Record
from grace_ray.decide.trust.workspace import Tally, Workspace
from grace_ray.settings import TrustSettings

_PATTERNS_MAX = 500
_Packed = tuple[Mapping[str, Any], Sequence[bytes]]


class Workspaces:
    """The models of a workspace come back from the part's ``state``, its sums, histories and patterns from records."""

    def __init__(self, settings: TrustSettings, reader: Reader, state: bytes | None) -> None:
        self._settings = settings
        self._reader = reader
        self._awake: dict[str, Workspace] = {}
        self._asleep = _unpacked(state) if state else {}
        for name in [name for name, (header, _) in self._asleep.items() if header["changed"]]:
            self.find(name)  # scores are owed

    def find(self, name: str) -> Workspace | None:
        """Return a workspace; None where nothing is known of it."""
        return self._awake.get(name) or self._woken(name)

    def get(self, name: str) -> Workspace:
        """Return a workspace, made where there is none yet."""
        found = self.find(name)
        if found is None:
            found = self._awake[name] = Workspace(name, self._settings)
        return found

    def awake(self) -> list[Workspace]:
        """Return those of which anything can have changed."""
        return list(self._awake.values())

    def all(self) -> list[Workspace]:
        """Return all of them, which brings all to mind."""
        names = sorted({*self._awake, *self._asleep, *self._reader.count(TALLIES_VIEW)})
        return [self.get(name) for name in names]

    def state(self) -> bytes:
        """Return what was learned: a line of JSON that tells the lengths of what follows it."""
        parts: dict[str, _Packed] = {name: each.state() for name, each in self._awake.items()}
        headers, blobs = {}, list[bytes]()
        for name, (header, models) in {**self._asleep, **parts}.items():
            headers[name] = {**header, "models": [len(model) for model in models]}
            blobs += models
        return json.dumps(headers, separators=(",", ":")).encode() + b"\n" + b"".join(blobs)

    def know_patterns(self, workspace: Workspace) -> None:
        """Let a workspace know the patterns that the meta-learner has confirmed by now."""
        page = self._reader.records(PATTERNS_VIEW, workspace.workspace_id, _PATTERNS_MAX)
        patterns = [orjson.loads(record.body) for record in page.items if record.body]
        workspace.patterns = [pattern for pattern in patterns if pattern["is_confirmed"]]

    def _woken(self, name: str) -> Workspace | None:
        packed = self._asleep.pop(name, None)
        tallies = sorted(self._reader.of_workspace(TALLIES_VIEW, name), key=_rank)
        if packed is None and not tallies:
            return None
        found = self._awake[name] = Workspace(name, self._settings)
        if packed is not None:
            found.restore(*packed)
        scores = self._reader.of_workspace(TRUST_VIEW, name) if tallies else ()
        histories = {record.key: orjson.loads(record.body or b"{}").get("history", ()) for record in scores}
        for record in tallies:
            found.put_back(from_plain(Tally, orjson.loads(record.body or b"{}")), histories.get(record.key, ()))
        self.know_patterns(found)
        return found


def _rank(record: Record) -> float:
    return record.rank


def _unpacked(state: bytes) -> dict[str, _Packed]:
    """Return (header, states of the models) of each workspace of a state."""
    head, _, rest = state.partition(b"\n")
    found: dict[str, _Packed] = {}
    at = 0
    for name, header in json.loads(head).items():
        models = []
        for length in header["models"]:
            models.append(rest[at : at + length])
            at += length
        found[name] = header, models
    return found
