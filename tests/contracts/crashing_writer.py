"""Writes a journal until it is killed, and says on standard output what has been acknowledged.

Arguments: sqlite or postgres, the file or URL, the home, a number to go on from, and a seed. Each line printed is
"first last seq": facts ``first`` to ``last`` are durable, the last of them at ``seq``.
"""

import random
import sys
from datetime import UTC, datetime
from pathlib import Path

from grace_ray.adapters.store import postgres, sqlite
from grace_ray.core.canonical import canonical
from grace_ray.core.fact import Row
from grace_ray.core.jsonable import to_plain
from grace_ray.core.recommendation import RECOMMENDATIONS_VIEW, Recommendation
from grace_ray.core.store import Commit, Record
from grace_ray.prove.checkpoints import Notary
from grace_ray.prove.journal import Journal


def row(number: int) -> Row:
    return Row(f"id-{number}", number, "event", "t", "host/a", "", "", "", b'{"number":%d}' % number)


def mirrored(cursor: int) -> Recommendation:
    return Recommendation(
        workspace_id="acme",
        recommendation_id="mirror",
        agent_id="a",
        recommendation_content=cursor,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def main(store: str, place: str, home: str, start: str, seed: str) -> None:
    writer = sqlite.writer(Path(place)) if store == "sqlite" else postgres.writer(place)
    journal = Journal(writer, notary=Notary(Path(home)))
    rng, number = random.Random(int(seed)), int(start)
    journal.recover()
    print("ready", flush=True)
    while True:
        now = datetime.now(UTC)
        last = number + rng.randint(0, 300)
        rows = [row(n) for n in range(number, last + 1)]
        cursor = journal.head
        here = writer.follower("triage").cursor
        mirror = Record("mirror", "cursor", "", 0.0, b"%d" % cursor)
        typed = Record(RECOMMENDATIONS_VIEW, "acme/mirror", "acme/a", 0.0, canonical(to_plain(mirrored(cursor))))
        commit = Commit(follower="triage", expected=here, cursor=cursor, records=[mirror, typed])
        appended, _ = journal.apply([rows, commit], now)
        print(number, last, appended.seqs[-1], flush=True)
        if rng.random() < 0.3:
            journal.checkpoint(now)
        number = last + 1 - rng.randint(0, 5)


if __name__ == "__main__":
    main(*sys.argv[1:])
