"""What playbooks do to the Ray under Grace (core.ports.RuntimeActions): actors, Serve deployments, jobs, parts."""

import os
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

import psutil
import ray
from ray.exceptions import RayError

from actors import wire
from actors.handles import NAMESPACE, Part, part_of
from actors.jobs import Jobs
from grace_ray.core.errors import NotFound, PartAway, RuntimeFault
from grace_ray.core.store import Commit, Record
from grace_ray.settings import Settings

_SERVE_NAMESPACE = "serve"
_CONTROLLER = "SERVE_CONTROLLER_ACTOR"
_GONE_WITHIN_S = 3.0  # an actor's process, once Ray was told; a stopped one does not hear of it
_POLL_S = 0.2
_COMMIT_S = 20.0


class RayActions:
    """Every call blocks, and ends in time. What needs Ray Serve runs as a task: its imports cost 80 MB."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._jobs = Jobs(settings.home)

    def parts(self) -> Sequence[str]:
        """Return the names of the parts that are switched on."""
        return [name for name, is_on in self._settings.parts.items() if is_on]

    def call(self, part: str, method: str, *args: Any, timeout_s: float) -> Any:
        """Return what a part answers. Raises PartAway, and what the part raises."""
        return part_of(self._settings, part).call_blocking(method, *args, timeout_s=timeout_s)

    def put(self, records: Sequence[Record]) -> None:
        """Make records durable."""
        commit = Commit(follower="playbook_steps", records=list(records))
        Part("journal").call_blocking("commit", wire.encode_commit(commit), timeout_s=_COMMIT_S)

    def actors(self) -> Sequence[str]:
        """Return the names of Grace's actors."""
        named = ray.util.list_named_actors(all_namespaces=True)
        return [actor["name"] for actor in named if actor["namespace"] == NAMESPACE]

    def restart_actor(self, name: str, timeout_s: float) -> str:
        """End an actor and return once another process answers in its place: Ray, or the supervisor, makes it.

        A part that shares its process takes the others with it; all are restored.
        """
        ends_at = time.monotonic() + timeout_s
        name = self._settings.actor_of(name)
        handle = _find(name)
        if (
            handle is None
            and name not in map(self._settings.actor_of, self.parts())
            and not name.startswith("mission_worker_")
        ):
            raise NotFound(f"There is no actor {name}.", "name")
        before = _pid_of(handle) if handle is not None else 0
        if handle is not None:
            _end(handle, before)
        if name.startswith("mission_worker_"):
            return f"{name} is ended; its launcher makes it again when there is work."
        while time.monotonic() < ends_at:
            after = _answering(name, min(2.0, max(ends_at - time.monotonic(), 0.1)))
            if after and after != before:
                return f"{name} is process {after} now; it was {before or 'gone'}."
            time.sleep(_POLL_S)
        raise PartAway(f"{name} did not come back within {timeout_s:.0f} s.")

    def replicas(self, application: str, deployment: str) -> int:
        """Return how many replicas a deployment is meant to have."""
        wanted, _ = self._serve(_replicas, application, deployment, timeout_s=30.0)
        return int(wanted)

    def scale(self, application: str, deployment: str, replicas: int, timeout_s: float) -> None:
        """Give a deployment so many replicas, and return when they run."""
        self._serve(_scale, application, deployment, replicas, timeout_s, timeout_s=timeout_s)

    def restart_replicas(self, application: str, deployment: str, timeout_s: float) -> int:
        """Replace replicas one by one; return how many there were."""
        return int(self._serve(_restart_replicas, application, deployment, timeout_s, timeout_s=timeout_s))

    def submit_job(self, entrypoint: str, submission_id: str) -> str:
        """Start a job, or find it; ``python`` is this interpreter, which the job's shell may not find by that name."""
        if entrypoint.startswith("python "):
            entrypoint = f"{sys.executable} {entrypoint.removeprefix('python ')}"
        return self._jobs.submit(entrypoint, submission_id)

    def job(self, job_id: str) -> tuple[str, str]:
        """Return (status, end of its log)."""
        state = self._jobs.state(job_id)
        return state.status, state.log

    def stop_job(self, job_id: str) -> None:
        """Stop a job."""
        self._jobs.stop(job_id)

    def _serve(self, work: Any, *args: Any, timeout_s: float) -> Any:
        remote: Any = ray.remote
        reference = remote(num_cpus=0, max_retries=0)(work).remote(*args)
        try:
            answer = ray.get(reference, timeout=timeout_s)
        except RayError as error:
            ray.cancel(reference, force=True)
            raise RuntimeFault(f"Serve did not do it: {type(error).__name__}.") from error
        if isinstance(answer, _Said):
            raise (NotFound if answer.is_missing else RuntimeFault)(answer.text)
        return answer


class _Said:
    """What a task on Serve has to say instead of an answer."""

    def __init__(self, text: str, *, is_missing: bool = False) -> None:
        self.text, self.is_missing = text, is_missing


def _find(name: str) -> Any:
    try:
        return ray.get_actor(name, namespace=NAMESPACE)
    except ValueError:
        return None


def _pid_of(handle: Any) -> int:
    """Return the process id of an actor on this host as the cluster knows it; 0 where it runs elsewhere."""
    from ray._private.state import state  # Ray's public API of this needs the dashboard, which may be off

    known = state.actor_table(handle._actor_id.hex())  # noqa: SLF001 - see above
    is_here = known.get("Address", {}).get("NodeID") == ray.get_runtime_context().get_node_id()
    return int(known.get("Pid", 0)) if is_here else 0


def _end(handle: Any, pid: int) -> None:
    """End an actor's process so that it is made again; one that does not hear Ray is killed by its number."""
    ray.kill(handle, no_restart=False)
    ends_at = time.monotonic() + _GONE_WITHIN_S
    while pid and psutil.pid_exists(pid) and time.monotonic() < ends_at:
        time.sleep(_POLL_S)
    if pid and psutil.pid_exists(pid) and "ray::" in " ".join(psutil.Process(pid).cmdline()):
        os.kill(pid, signal.SIGKILL)


def _answering(name: str, timeout_s: float) -> int:
    """Return the process of an actor that answers its ping, 0 where none does in time."""
    handle = _find(name)
    if handle is None:
        return 0
    try:
        ray.get(handle.ping.remote(), timeout=timeout_s)
    except RayError:
        return 0
    return _pid_of(handle) or -1


def _replicas(application: str, deployment: str) -> Any:
    """Return (replicas wanted, replicas running) of a deployment."""
    from ray import serve

    known = serve.status().applications.get(application)
    if known is None or deployment not in known.deployments:
        return _Said(f"Serve has no deployment {deployment} of {application}.", is_missing=True)
    running = sum(n for state, n in known.deployments[deployment].replica_states.items() if state == "RUNNING")
    controller: Any = ray.get_actor(_CONTROLLER, namespace=_SERVE_NAMESPACE)
    details: Any = ray.get(controller.get_deployment_details.remote(application, deployment), timeout=10.0)
    return (details.target_num_replicas if details is not None else running), running


def _scale(application: str, deployment: str, replicas: int, timeout_s: float) -> Any:
    from ray.serve._private.common import DeploymentID

    ends_at = time.monotonic() + timeout_s - 2.0
    found = _replicas(application, deployment)
    if isinstance(found, _Said):
        return found
    controller = ray.get_actor(_CONTROLLER, namespace=_SERVE_NAMESPACE)
    wanted = DeploymentID(name=deployment, app_name=application)
    ray.get(controller.update_deployment_replicas.remote(wanted, replicas), timeout=10.0)
    while time.monotonic() < ends_at:
        found = _replicas(application, deployment)
        if not isinstance(found, _Said) and found[1] == replicas:
            return replicas
        time.sleep(_POLL_S)
    return _Said(f"{deployment} does not have {replicas} running replicas after {timeout_s:.0f} s.")


def _restart_replicas(application: str, deployment: str, timeout_s: float) -> Any:
    ends_at = time.monotonic() + timeout_s - 2.0
    found = _replicas(application, deployment)
    if isinstance(found, _Said):
        return found
    prefix = f"SERVE_REPLICA::{application}#{deployment}#"
    named = ray.util.list_named_actors(all_namespaces=True)
    old = [one["name"] for one in named if one["namespace"] == _SERVE_NAMESPACE and one["name"].startswith(prefix)]
    for count, name in enumerate(old, 1):
        ray.kill(ray.get_actor(name, namespace=_SERVE_NAMESPACE), no_restart=True)
        while not _has_come_back(prefix, set(old[:count]), len(old), application, deployment):
            if time.monotonic() > ends_at:
                return _Said(f"{deployment} did not come back after replica {count} of {len(old)} was ended.")
            time.sleep(_POLL_S)
    return len(old)


def _has_come_back(prefix: str, ended: set[str], count: int, application: str, deployment: str) -> bool:
    named = {one["name"] for one in ray.util.list_named_actors(all_namespaces=True)}
    alive = {name for name in named if name.startswith(prefix)}
    found = _replicas(application, deployment)
    return not (alive & ended) and len(alive) >= count and not isinstance(found, _Said) and found[1] >= count
