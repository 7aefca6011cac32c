"""The keeper, which ``grace up`` is: starts the node process, shows the boot, restarts what dies, and stops cleanly.

It does not import Ray: it stays small, and outlives any crash of it.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import psutil

from grace_ray import __version__
from grace_ray.cli.boot_page import BootPage, check_port
from grace_ray.cli.running import RunFiles, me
from grace_ray.core.errors import Conflict, InvalidInput
from grace_ray.settings import Settings

_STOP_TIMEOUT_S = 6.0
_LEFTOVERS_END_S = 1.5
_STABLE_AFTER_S = 60.0
_BACKOFF_MAX_S = 30.0


class Keeper:
    """Keeps one node process running until SIGTERM or SIGINT; ``show(line)`` prints."""

    def __init__(self, settings: Settings, show: Callable[[str], None]) -> None:
        self._settings = settings
        self._show = show
        self._files = RunFiles(settings.home)
        self._page = BootPage(settings.http_host, settings.http_port)
        self._parts: dict[str, dict[str, Any]] = {}
        self._ready = False
        self._stopping = threading.Event()
        self._node: subprocess.Popen[str] | None = None

    def run(self) -> int:
        """Run until told to stop; return the exit code. Raises Conflict, InvalidInput before anything is started."""
        self._refuse_what_is_unsafe()
        self._files.take_lock()
        self._sweep_leftovers()  # of a Grace that was killed: they may still have the port
        self._take_port()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: self._stopping.set())
        with contextlib.suppress(OSError):  # a full disk: the store says so more clearly
            self._files.log.parent.mkdir(parents=True, exist_ok=True)
        backoff_s, failures = 1.0, 0
        try:
            while not self._stopping.is_set():
                started = time.monotonic()
                self._run_node()
                if self._stopping.is_set():
                    break
                lasted_s = time.monotonic() - started
                if not self._ready and failures == 0:
                    return 1  # it never came up: a person should read why
                self._ready = False
                failures += 1
                backoff_s = 1.0 if lasted_s > _STABLE_AFTER_S else min(backoff_s * 2, _BACKOFF_MAX_S)
                self._say("node", ok=False, detail=f"ended unexpectedly, starting again in {backoff_s:.0f} s")
                self._stopping.wait(backoff_s)
        finally:
            self._page.close()
            self._sweep_leftovers()
            self._files.clear()
        return 0

    def _refuse_what_is_unsafe(self) -> None:
        settings = self._settings
        if not settings.is_loopback and not settings.tokens:
            raise InvalidInput(
                f"Grace does not listen on {settings.http_host} without a token: set GRACE_TOKENS, or bind 127.0.0.1.",
                "http_host",
            )

    def _take_port(self) -> None:
        host, port = self._settings.http_host, self._settings.http_port
        try:
            check_port(host, port)
        except OSError as error:
            raise Conflict(
                f"Port {port} of {host} is not free ({error.strerror}): choose another by --port."
            ) from error

    def _run_node(self) -> None:
        self._sweep_leftovers()
        self._parts.clear()
        try:
            self._page.open()
        except OSError as error:
            self._say("port", ok=False, detail=f"{self._settings.http_port} is not free: {error.strerror}")
            return
        environment = {
            **os.environ,
            "GRACE_HOME": str(self._settings.home),
            "GRACE_HTTP_HOST": self._settings.http_host,
            "GRACE_HTTP_PORT": str(self._settings.http_port),
            "GRACE_RAY_TEMP_DIR": str(self._files.ray_temp_dir),
        }
        with self._log() as log:
            self._node = subprocess.Popen(
                [sys.executable, "-m", "actors.node"],
                stdout=subprocess.PIPE,
                stderr=log,
                stdin=subprocess.DEVNULL,
                text=True,
                env=environment,
                start_new_session=True,
            )
        self._write_state()
        reading = threading.Thread(target=self._read_reports, args=(self._node,), daemon=True)
        reading.start()
        while self._node.poll() is None and not self._stopping.wait(0.1):
            pass
        if self._node.poll() is None:
            self._stop_node(self._node)
        reading.join(1.0)

    def _log(self) -> IO[str]:
        try:
            return self._files.log.open("a")
        except OSError:  # the disk may be read-only now: what failed is told by the reports
            return Path(os.devnull).open("a")

    def _stop_node(self, node: "subprocess.Popen[str]") -> None:
        self._show("Stopping ...")
        node.send_signal(signal.SIGTERM)
        try:
            node.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            node.kill()
            node.wait()

    def _read_reports(self, node: "subprocess.Popen[str]") -> None:
        assert node.stdout is not None
        for line in node.stdout:
            report = json.loads(line)
            self._say(report.pop("part"), **report)

    def _say(self, part: str, *, ok: bool, detail: str = "", took_s: float | None = None, state: str = "") -> None:
        if part == "ready":
            self._ready = True
            self._page.close()
        else:
            self._parts[part] = {"state": state or ("ready" if ok else "failed"), "detail": detail}
        took = f" ({took_s} s)" if took_s is not None else ""
        line = f"[{'OK' if ok else '--'}] {part:<18} {detail}{took}"
        self._page.lines.append(line)
        self._show(line)
        self._write_state()

    def _write_state(self) -> None:
        settings = self._settings
        state = {"url": settings.url, "home": str(settings.home), "version": __version__, "ready": self._ready}
        with contextlib.suppress(OSError):  # a full disk must not end what starts again whatever it ended
            self._files.write({**me(), **state, "parts": self._parts, "node": self._node.pid if self._node else None})

    def _sweep_leftovers(self) -> None:
        """Wait for the processes of a Ray that has ended, end those that hang, and remove its folder."""
        folder = str(self._files.ray_temp_dir)
        deadline = time.monotonic() + _LEFTOVERS_END_S
        while (leftovers := _processes_of(folder)) and time.monotonic() < deadline:
            time.sleep(0.1)
        for leftover in leftovers:
            with contextlib.suppress(psutil.NoSuchProcess):
                leftover.kill()
        psutil.wait_procs(leftovers, timeout=2.0)
        shutil.rmtree(folder, ignore_errors=True)


def _processes_of(ray_folder: str) -> list[psutil.Process]:
    """Return the processes that belong to the Ray in this folder: it stands in their command line or environment."""
    found = []
    for candidate in psutil.process_iter(["pid"]):
        try:
            is_ours = any(ray_folder in word for word in candidate.cmdline())
            is_ours = is_ours or candidate.environ().get("GRACE_RAY_TEMP_DIR") == ray_folder
        except psutil.Error:
            continue
        if is_ours and candidate.pid != os.getpid():
            found.append(candidate)
    return found
