"""The node process: starts (or joins) Ray, brings up the actors and Serve, watches over them, and ends with its parent.

``grace up`` keeps one such process as its child. It tells its parent what happens as JSON lines on standard output.
"""

import asyncio
import contextlib
import json
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from actors import boot
from actors.free_ports import free_port_from
from actors.haproxy import haproxy_environment
from actors.lifeline import end_with_parent
from actors.logs import log_to_home
from grace_ray import settings as settings_module
from grace_ray.core.errors import GraceError, RuntimeFault
from grace_ray.settings import Settings

if TYPE_CHECKING:
    from actors.supervisor import PartSpec

_SOURCES_S = 5.0
_SHUT_DOWN_S = 4.0
_RAY_PROCESSES = {"gcs_server", "raylet"}


def main() -> int:
    """Run the node until SIGTERM, SIGINT, the parent's end, or a failure; return the exit code."""
    if not end_with_parent():
        return 1
    settings = settings_module.load()
    log_to_home(settings, "node")
    os.environ.update(ray_environment(settings))  # before Ray is imported: its processes inherit it
    code = asyncio.new_event_loop().run_until_complete(Node(settings, sys.stdout.fileno()).run())
    os._exit(code)  # threads that wait for a Ray that has ended must not hold up the end


class Node:
    """One Ray cluster (or a guest of one), its actors and its Serve application."""

    def __init__(self, settings: Settings, report_to: int) -> None:
        self._settings = settings
        # what Ray and libraries print goes to standard error; the reports have the pipe for themselves
        self._reports = os.fdopen(os.dup(report_to), "w", buffering=1)
        os.dup2(2, report_to)
        self._stop = asyncio.Event()

    async def run(self) -> int:
        """Bring everything up, watch, and shut down; see main."""
        work = asyncio.create_task(self._work())
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        failed = work.done()
        if failed:
            error = work.exception()
            is_said = isinstance(error, GraceError)
            self._report("failed", ok=False, detail=str(error) if is_said else f"{type(error).__name__}: {error}")
        work.cancel()
        with contextlib.suppress(TimeoutError):  # the parent ends what a Ray that hangs leaves behind
            async with asyncio.timeout(_SHUT_DOWN_S):
                await asyncio.to_thread(_shut_down)
        return 1 if failed else 0

    async def _work(self) -> None:
        """Boot, then watch until something fails; whatever is raised is for the parent to show."""
        await self._boot()
        await asyncio.gather(self._supervisor.watch(), self._watch_ray())

    async def _watch_ray(self) -> None:
        """Fail as soon as one of Ray's own two processes ends: nothing in this cluster can come back then."""
        own = {child.name(): child for child in psutil.Process().children() if child.name() in _RAY_PROCESSES}
        while True:
            for name, child in own.items():
                if not child.is_running() or _is_zombie(child):
                    raise RuntimeFault(f"Ray's {name} has ended.")
            await asyncio.sleep(1.0)

    async def _boot(self) -> None:
        from grace_ray import wiring

        await self._step("store", asyncio.to_thread(wiring.prepare_home, self._settings))
        deployer = await _deployer()  # a second of imports while Ray's own processes start
        sources = asyncio.create_task(self._show_sources())  # they answer, or not, while Ray starts
        await self._step("ray", asyncio.to_thread(_start_ray, self._settings))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        from actors.supervisor import Supervisor

        specs = _part_specs(self._settings)
        self._supervisor = Supervisor(specs, self._on_change)
        face = self._step("http", _deploy(deployer))
        await asyncio.gather(face, *map(self._bring_up, specs))
        for line in (*boot.switched_off(self._settings), boot.emitters()):
            self._show(line)
        await sources
        self._report("ready", ok=True, detail=self._settings.url)

    async def _step(self, name: str, work: Awaitable[Any]) -> None:
        started = time.monotonic()
        detail = await work
        self._report(name, ok=True, detail=f"{detail}", took_s=round(time.monotonic() - started, 1))

    async def _bring_up(self, spec: "PartSpec") -> None:
        started = time.monotonic()
        await self._supervisor.bring_up(spec)
        took_s = round(time.monotonic() - started, 1)
        for part in spec.parts or (spec.name,):
            self._report(part, ok=True, detail=boot.detail_of(part, self._settings), took_s=took_s)

    async def _show_sources(self) -> None:
        """Show which sources can be reached; those that cannot keep nothing from starting."""
        try:
            async with asyncio.timeout(_SOURCES_S):
                lines = await asyncio.to_thread(boot.sources, self._settings)
        except TimeoutError:  # the system's resolver has no time limit of its own
            lines = [boot.Line("sources", "unreachable", f"no answer within {_SOURCES_S:.0f} s")]
        for line in lines:
            self._show(line)

    def _show(self, line: boot.Line) -> None:
        self._report(line.part, ok=line.state == "ready", detail=line.detail, state=line.state)

    def _on_change(self, name: str, what: str) -> None:
        self._report(name, ok=False, detail=what)

    def _report(self, part: str, **fields: Any) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._reports.write(json.dumps({"part": part, **fields}) + "\n")


def ray_environment(settings: Settings) -> dict[str, str]:
    """Return the environment that Ray's processes must start with: token authentication, loopback, little idle work."""
    quiet = {
        "RAY_event_stats": "0",
        "RAY_task_events_report_interval_ms": "0",
        "RAY_enable_metrics_collection": "1" if settings.ray.dashboard_metrics else "0",
        "RAY_raylet_report_resources_period_milliseconds": "1000",  # of one machine nobody waits for news
        "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "1.0",
    }
    return {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(settings.home / "ray_token"),
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_worker_niceness": "0",
        "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "2",
        "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "3",
        "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "serve_apps.proxy:middlewares",
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
        "OPENBLAS_NUM_THREADS": "1",  # many processes share few cores: more threads each only wait for each other
        "OMP_NUM_THREADS": "1",
        **quiet,
        **(haproxy_environment(Path(os.environ["GRACE_RAY_TEMP_DIR"])) if settings.ray.haproxy else {}),
    }


def _is_zombie(child: psutil.Process) -> bool:
    try:
        return bool(child.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def _make_ray_token(settings: Settings) -> None:
    path = settings.home / "ray_token"
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))


def _start_ray(settings: Settings) -> str:
    import ray

    _make_ray_token(settings)
    logging.getLogger("ray._private.worker").setLevel(logging.ERROR)  # it warns that SIGTERM is left to us
    if settings.ray.address:
        ray.init(address=settings.ray.address, namespace="grace", log_to_driver=False)
        return f"joined {settings.ray.address}"
    _let_the_agent_choose_its_port()
    context: Any = ray.init(
        address="local",
        num_cpus=settings.ray.num_cpus or os.cpu_count(),
        include_dashboard=settings.ray.dashboard,
        dashboard_host="127.0.0.1",
        dashboard_port=free_port_from(settings.ray.dashboard_port),
        log_to_driver=False,
        configure_logging=False,
        object_store_memory=settings.ray.object_store_bytes,
        namespace="grace",
        _temp_dir=os.environ["GRACE_RAY_TEMP_DIR"],
    )
    return f"dashboard http://{context.address_info['webui_url']}" if settings.ray.dashboard else "no dashboard"


def _let_the_agent_choose_its_port() -> None:
    """Have Ray's agent listen on a free port: ray.init has no option for it, and where it is taken Ray takes no job."""
    from ray._private import parameter

    class OwnPort(parameter.RayParams):
        def __init__(self, **options: Any) -> None:
            super().__init__(**{"dashboard_agent_listen_port": 0, **options})

    parameter.RayParams = OwnPort  # type: ignore[assignment, misc]


async def _deployer() -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "actors.face", stdin=pipe, stdout=pipe)


async def _deploy(deployer: asyncio.subprocess.Process) -> str:
    """Tell the deployer where the cluster is, and return where the HTTP face answers. Raises RuntimeFault."""
    import ray

    said, _ = await deployer.communicate(ray.get_runtime_context().gcs_address.encode() + b"\n")
    answer = json.loads(said) if said else {"error": f"The deployer ended with {deployer.returncode}."}
    if "error" in answer:
        raise RuntimeFault(answer["error"])
    return str(answer["url"])


def _part_specs(settings: Settings) -> list[Any]:
    """Return what the supervisor keeps alive: actors of one part, and processes that several share."""
    from actors.forecaster import ForecasterActor
    from actors.journal import JournalActor
    from actors.knowledge import KnowledgeActor
    from actors.meta_learner import MetaLearnerActor
    from actors.metrics import MetricsActor
    from actors.mission_launcher import MissionLauncherActor
    from actors.playbooks import PlaybooksActor
    from actors.scheduler import SchedulerActor
    from actors.sensors import SensorsActor
    from actors.shared import shared_by
    from actors.supervisor import PartSpec
    from actors.triage import TriageActor
    from actors.trust import TrustActor

    makers = {
        "triage": TriageActor,
        "playbooks": PlaybooksActor,
        "mission_launcher": MissionLauncherActor,
        "knowledge": KnowledgeActor,
        "sensors": SensorsActor,
        "metrics": MetricsActor,
        "forecaster": ForecasterActor,
        "scheduler": SchedulerActor,
        "trust": TrustActor,
        "meta_learner": MetaLearnerActor,
    }
    together: dict[str, dict[str, type]] = {}
    for part, maker in makers.items():
        if settings.parts[part]:
            together.setdefault(settings.actor_of(part), {})[part] = maker
    specs = [PartSpec("journal", JournalActor, (settings,), max_concurrency=1000, follows=False)]
    for actor, parts in together.items():
        if actor in parts:
            specs.append(PartSpec(actor, parts[actor], (settings, actor)))
        else:
            specs.append(PartSpec(actor, shared_by(actor), (settings, actor, parts), 1000, parts=tuple(parts)))
    return specs


def _shut_down() -> None:
    import ray

    ray.shutdown()


if __name__ == "__main__":
    sys.exit(main())
