"""The desk and the runner over a real store in one process; the runtime that steps act on is in memory."""

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from grace_ray import wiring
from grace_ray.act.playbooks.runner import Runner
from grace_ray.act.playbooks.step import World
from grace_ray.core.clock import to_us
from grace_ray.core.errors import NotFound, PartAway
from grace_ray.core.fact import Fact
from grace_ray.core.jsonable import from_plain
from grace_ray.core.playbook import Run
from grace_ray.core.sample import Point
from grace_ray.core.store import Commit
from grace_ray.decide.playbooks.desk import Desk
from grace_ray.loop import Loop
from grace_ray.settings import Settings

START = datetime(2026, 5, 4, 12, tzinfo=UTC)


class MemoryRuntime:
    """A runtime whose deployments, actors and parts are numbers and names; ``on`` says what a call does."""

    def __init__(self):
        self.counts = {("grace", "api"): 1}
        self.silent: set[str] = set()
        self.restarted: list[str] = []
        self.jobs: dict[str, str] = {}
        self.limit = 3
        self.done: list[tuple] = []
        self.loop = None
        self.on = {}

    def parts(self):
        return ["journal", "triage", "mission_launcher", "knowledge", "playbooks"]

    def actors(self):
        return [*self.parts(), "mission_worker_1", "mission_worker_2"]

    def call(self, part, method, *args, timeout_s):
        self._note(part, method, *args)
        if part in self.silent:
            raise PartAway(f"The part {part} did not answer {method} in time.")
        if method == "status":
            return {"state": "ready", "fault": ""}
        if method == "max_running":
            return self.limit
        if args and args[0] == "limit":
            self.limit = args[1]["max_running"]
            return self.limit
        if method == "trim":
            return 100 * 2**20, 90 * 2**20
        if method == "vacuum":
            return 5000, 4000
        if method == "prune":
            return 0
        return {"passages": 1, "documents": 1}

    def put(self, records):
        self._note("put", *(record.key for record in records))
        self.loop.write(Commit(follower="steps", records=list(records)))

    def restart_actor(self, name, timeout_s):
        self._note("restart", name)
        self.restarted.append(name)
        self.silent.discard(name)
        return f"{name} was restarted."

    def replicas(self, application, deployment):
        if (application, deployment) not in self.counts:
            raise NotFound(f"Serve has no deployment {deployment} of {application}.")
        return self.counts[application, deployment]

    def scale(self, application, deployment, replicas, timeout_s):
        self._note("scale", deployment, replicas)
        self.counts[application, deployment] = replicas

    def restart_replicas(self, application, deployment, timeout_s):
        self._note("restart_replicas", deployment)
        return self.counts[application, deployment]

    def submit_job(self, entrypoint, submission_id):
        self._note("submit", entrypoint)
        self.jobs.setdefault(submission_id, "SUCCEEDED")
        return submission_id

    def job(self, job_id):
        return self.jobs[job_id], "log of the job"

    def stop_job(self, job_id):
        self._note("stop_job", job_id)
        if self.jobs.get(job_id) == "RUNNING":
            self.jobs[job_id] = "STOPPED"

    def _note(self, *what):
        self.done.append(what)
        act = self.on.get(what[0])
        if act:
            act(*what)


class NoHttp:
    """Nothing is sent anywhere."""

    def send(self, method, url, body, headers, timeout_s):
        raise AssertionError("Nothing may be sent.")


class LoopRecord:
    """A run's course, recorded through the loop."""

    def __init__(self, house, run_id):
        self.house, self.run_id = house, run_id

    def begins(self, index, undo):
        return self.house.do("begin_step", self.run_id, index, undo)

    def ended(self, index, result):
        return self.house.do("end_step", self.run_id, index, result)

    def undone(self, index, detail, is_done):
        self.house.do("undone_step", self.run_id, index, detail, is_done)

    def finished(self):
        self.house.do("finish", self.run_id)


class House:
    """``now`` is the time; ``runtime`` what steps act on."""

    def __init__(self, home: Path, runtime=None, folders=(), metrics=(), **settings):
        self.settings = Settings(home=home, playbooks={"folders": tuple(map(str, folders)), **settings})
        wiring.prepare_home(self.settings)
        self.now = START
        self.runtime = runtime or MemoryRuntime()
        self.playbooks = wiring.load_playbooks(self.settings)
        self.metrics = {metric.id: metric for metric in (metrics or wiring.load_catalog(self.settings).metrics)}
        self.desk = Desk(self.settings.playbooks, self.playbooks, self.metrics)
        self.journal = wiring.open_journal(self.settings)
        self.reader = wiring.open_reader(self.settings)
        self.loop = Loop(self.journal, self.reader, [self.desk], lambda: self.now)
        self.runtime.loop = self.loop
        self.held: set[str] = set()
        self.runner = Runner(
            World(
                runtime=self.runtime,
                http=NoHttp(),
                reader=self.reader,
                settings=self.settings.playbooks,
                home=home,
                clock=lambda: self.now,
            )
        )

    def close(self):
        self.reader.close()
        self.journal.close()

    def do(self, method, *args):
        return self.loop.change("playbooks", method, *args)

    def operate(self, action, **args):
        return self.do("operate", action, args)

    def measure(self, series, value, at=None):
        at = at or self.now
        self.loop.write(Commit(follower="metrics", points=[Point(series, to_us(at), value)]))

    def band(self, metric_id, value, band="critical", was="good", series="", **changes):
        """A metric leaves its band."""
        metric = self.metrics[metric_id]
        series = series or metric_id
        self.measure(series, value)
        body = {
            "metric_id": metric_id,
            "series": series,
            "service": metric.service,
            "band": band,
            "was": was,
            "value": value,
            "threshold": metric.critical,
            "unit": metric.unit,
            "direction": metric.direction,
            "at": self.now.isoformat(),
            **changes,
        }
        self.tell("metric.band_changed", series, body)

    def tell(self, name, subject, body):
        fact = Fact(
            id=f"{name}-{subject}-{to_us(self.now)}",
            at=self.now,
            kind="finding",
            type=name,
            source="grace/metrics",
            subject=subject,
            body=body,
        )
        self.loop.append([fact.to_row()])
        self.loop.settle()

    def tick(self, seconds=1.0):
        self.now += timedelta(seconds=seconds)
        self.loop.tick()
        self.loop.settle()

    def carry_out(self, stop=None):
        """Carry out what may start, and take back what was cut off; return the runs as they are then."""
        done = [run.run_id for run in self.do_lost()]
        for run in self.starts():
            playbook = self.playbooks.get(run.playbook)
            record = LoopRecord(self, run.run_id)
            if run.is_dry:
                self.do("planned", run.run_id, self.runner.dry(run, playbook))
            else:
                self.runner.run(run, playbook, record, stop or threading.Event())
                left = self.desk.run_of(run.run_id)
                if left.status == "running":
                    self.runner.undo(left, record)
            done.append(run.run_id)
        self.loop.settle()
        return [self.desk.run_of(run_id) for run_id in done]

    def starts(self, room=10):
        effects, runs = self.desk.starts(self.now, room)
        self.loop.commit(self.desk, effects)
        return runs

    def do_lost(self):
        effects, runs = self.desk.lost(self.now, self.held)
        self.loop.commit(self.desk, effects)
        for run in runs:
            self.runner.undo(run, LoopRecord(self, run.run_id))
        return runs

    def runs(self):
        return [from_plain(Run, json.loads(record.body)) for record in self.reader.scan("playbook_runs")]

    def choices(self):
        return [json.loads(record.body) for record in self.reader.scan("playbook_choices")]

    def facts(self, name=""):
        found = [entry for entry in self.reader.entries(0, 10_000) if entry.type.startswith(name or "playbook")]
        return [(entry.type, entry.content()) for entry in found]
