"""Write down how everything stands: parts, processes, disk, journal, views."""

import json
import os
import shutil
import time as clock
from pathlib import Path
from typing import Any

import psutil

from grace_ray.act.playbooks.step import Arguments, Lasting, StepTime, World
from grace_ray.core.clock import to_text
from grace_ray.core.errors import GraceError

_VIEWS = ("clusters", "groups", "missions", "documents", "statements", "playbook_runs", "brakes")
_ANSWERS_WITHIN_S = 3.0


class DiagnosticsArguments(Arguments):
    """None."""


class Diagnostics(Lasting):
    """Changes nothing but one file, ``diagnostics/RUN.json`` in the home."""

    arguments = DiagnosticsArguments

    def plan(self, arguments: DiagnosticsArguments, world: World) -> str:
        """Say where to."""
        return f"Write how everything stands to {self._path(world)}."

    def run(self, arguments: DiagnosticsArguments, world: World, time: StepTime) -> str:
        """Ask every part, look at every process, and write it down."""
        report: dict[str, Any] = {
            "at": to_text(world.clock()),
            "journal_head": world.reader.head(),
            "cursors": world.reader.cursors(),
            "records": {view: world.reader.count(view) for view in _VIEWS},
            "parts": {part: _state_of(part, world, time) for part in world.runtime.parts()},
            "load": os.getloadavg(),
            "memory": psutil.virtual_memory()._asdict(),
            "disk": shutil.disk_usage(world.home)._asdict(),
            "processes": _processes(world.home),
        }
        path = self._path(world)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(report, indent=1))
        ill = {name: part for name, part in report["parts"].items() if part["state"] != "ready"}
        faults = [f"{name}: {part['fault'] or part['state']}" for name, part in ill.items()]
        return f"Written to {path}. {'; '.join(faults) or 'Every part answers.'}"

    def _path(self, world: World) -> Path:
        return world.home / "diagnostics" / f"{world.run_id or 'RUN'}.json"


def _state_of(part: str, world: World, time: StepTime) -> dict[str, Any]:
    began = clock.monotonic()
    try:
        state = world.runtime.call(part, "status", timeout_s=min(_ANSWERS_WITHIN_S, time.left()))
    except GraceError as error:
        return {"state": "silent", "fault": str(error)}
    return {"fault": "", **state, "answered_in_s": round(clock.monotonic() - began, 3)}


def _processes(home: Path) -> list[dict[str, Any]]:
    """Return the processes whose environment names this home, the largest first."""
    found = []
    for process in psutil.process_iter(["pid", "name", "status", "memory_info", "num_threads", "cpu_times"]):
        try:
            if process.environ().get("GRACE_HOME") != str(home):
                continue
        except psutil.Error:
            continue
        about = process.info
        cpu = about["cpu_times"]
        found.append(
            {
                "pid": about["pid"],
                "name": about["name"],
                "status": about["status"],
                "threads": about["num_threads"],
                "rss": about["memory_info"].rss if about["memory_info"] else 0,
                "cpu_s": round(cpu.user + cpu.system, 2) if cpu else 0.0,
            }
        )
    return sorted(found, key=lambda item: -item["rss"])
