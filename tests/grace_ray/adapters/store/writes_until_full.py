"""Fills a journal until the store refuses, makes room, and goes on; prints what happened as JSON.

Arguments: the home, and how the disk is full: ``limit`` (no file may grow beyond 1 MB) or ``tmpfs`` (the home is a
small file system, with a ballast file in it that is deleted to make room).
"""

import json
import resource
import sys
from pathlib import Path

from grace_ray.adapters.store import sqlite
from grace_ray.core.errors import StoreUnavailable
from grace_ray.core.fact import Row
from grace_ray.prove.checkpoints import Notary
from grace_ray.prove.journal import Journal
from grace_ray.prove.verify import verify


def rows(first: int) -> list[Row]:
    body = b'{"text":"%s"}' % (b"x" * 1000)
    return [Row(f"id-{n}", n, "event", "t", "host/a", "", "", "", body) for n in range(first, first + 50)]


def main(home: Path, kind: str) -> None:
    writer = sqlite.writer(home / "grace.db")
    journal = Journal(writer, notary=Notary(home))
    ballast = home / "ballast"
    journal.recover()
    if kind == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, resource.RLIM_INFINITY))
    else:
        ballast.write_bytes(bytes(2**20))
    acknowledged, refusals = 0, []
    while len(refusals) < 3:
        try:
            journal.append(rows(acknowledged + 1))
            acknowledged += 50
        except StoreUnavailable as error:
            refusals.append(error.message)
    readable = len(writer.entries(0, 10**6))
    if kind == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    else:
        ballast.unlink()
    seqs = journal.append(rows(acknowledged + 1)).seqs
    report = verify(writer)
    found = {
        "acknowledged": acknowledged,
        "readable": readable,
        "refusals": refusals,
        "first_after": seqs[0],
        "is_sound": report.is_sound,
        "entries": report.entries,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
