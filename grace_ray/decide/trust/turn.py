"""One turn of the trust part: recommendations and outcomes in the order in which they came, each written once."""

from collections.abc import Mapping

from grace_ray.core.store import Record
from grace_ray.decide.trust import sheet as sheets
from grace_ray.decide.trust.sheet import Plain
from grace_ray.decide.trust.waiting import Waiting


class Turn:
    """What comes of a turn's entries. ``steps`` are, by workspace, what there is to learn: sheets before and after.

    ``known`` are the sheets that stand already, of those that are judged, by key. A body is its noun's canonical JSON.
    """

    def __init__(self, known: Mapping[str, Plain], waiting: Waiting) -> None:
        self._known = known
        self._waiting = waiting
        self._sheets: dict[str, Plain] = {}
        self._bodies: dict[str, bytes | None] = {}
        self._judgements: list[Record] = []
        self.steps: dict[str, list[tuple[Plain, Plain]]] = {}
        waiting.begin_turn()

    def track(self, sheet: Plain, body: bytes | None) -> bool:
        """Take a recommendation, and the outcome that waits for it; False for one that this turn has had already."""
        key = sheets.key_of_sheet(sheet)
        if key in self._sheets:
            return False
        self._sheets[key], self._bodies[key] = sheet, body
        if (judgement := self._waiting.pop(key)) is not None:
            self._enter(key, sheet, judgement, None)
        return True

    def judge(self, judgement: Plain, body: bytes | None) -> None:
        """Take an outcome: of several for one recommendation that which was made last counts."""
        key = sheets.key_of_sheet(judgement)
        sheet = self._sheets.get(key) or self._known.get(key)
        if sheet is None:
            self._let_wait(key, judgement, body)
        elif sheets.is_older(judgement, sheet):
            self._judgements.append(sheets.judgement_record(judgement, "replaced", body))
        else:
            self._enter(key, sheet, judgement, body)

    def records(self) -> list[Record]:
        """Return what there is to write."""
        return [
            *self._judgements,
            *(sheets.sheet_record(sheet, self._bodies[key]) for key, sheet in self._sheets.items()),
        ]

    def _enter(self, key: str, sheet: Plain, judgement: Plain, body: bytes | None) -> None:
        after = sheets.entered(sheet, judgement)
        status = "withdrawn" if after["outcome"] == "pending" else "known"
        self._judgements.append(sheets.judgement_record(judgement, status, body))
        self._sheets[key], self._bodies[key] = after, None
        self.steps.setdefault(after["workspace_id"], []).append((sheet, after))

    def _let_wait(self, key: str, judgement: Plain, body: bytes | None) -> None:
        other = self._waiting.find(key)
        if other is not None and sheets.is_older(judgement, other):
            self._judgements.append(sheets.judgement_record(judgement, "replaced", body))
            return
        if other is not None:
            self._judgements.append(sheets.judgement_record(other, "replaced"))
        record = sheets.judgement_record(judgement, "waiting", body)
        self._judgements.append(record)
        self._waiting.put(key, judgement, record.key)
