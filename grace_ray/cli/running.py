"""What stands in ``$GRACE_HOME/run``: who runs, where, how each part is doing; and the lock that lets one run."""

import fcntl
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import IO, Any

import psutil

from grace_ray.core.errors import Conflict, InvalidInput


class RunFiles:
    """The run folder of one GRACE_HOME."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._folder = home / "run"
        self._lock: IO[str] | None = None

    @property
    def log(self) -> Path:
        """Where a detached Grace and Ray's processes write."""
        return self._home / "logs" / "grace.log"

    @property
    def ray_temp_dir(self) -> Path:
        """Ray's folder for sockets and logs: short, because the path of a Unix socket is limited to 107 bytes."""
        digest = hashlib.sha256(str(self._home).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"grace-{digest}"

    def take_lock(self) -> None:
        """Become the one Grace of this home. Raises Conflict, naming the one that runs; InvalidInput."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = (self._folder / "lock").open("a")
        except OSError as error:
            raise InvalidInput(f"The home {self._home} cannot be written: {error.strerror}.", "home") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            state = self.read()
            raise Conflict(
                f"Grace runs already for {self._home}: {state.get('url')} (pid {state.get('pid')})."
            ) from None
        self._lock = lock

    def write(self, state: dict[str, Any]) -> None:
        """Replace the state file, all or nothing."""
        new = self._folder / "state.json.new"
        new.write_text(json.dumps(state, indent=1))
        new.replace(self._folder / "state.json")

    def read(self) -> dict[str, Any]:
        """Return the state that was last written; empty where there is none."""
        try:
            state: dict[str, Any] = json.loads((self._folder / "state.json").read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return state

    def clear(self) -> None:
        """Forget the state: Grace has stopped."""
        (self._folder / "state.json").unlink(missing_ok=True)

    def running(self) -> psutil.Process | None:
        """Return the process of the Grace of this home, None where none runs (a recycled pid does not fool it)."""
        state = self.read()
        try:
            found = psutil.Process(state["pid"])
            same = abs(found.create_time() - state["created"]) < 1.0 and found.status() != psutil.STATUS_ZOMBIE
        except (KeyError, psutil.Error):
            return None
        return found if same else None


def me() -> dict[str, Any]:
    """Return the pid of this process and when it was made, to be found again by."""
    return {"pid": os.getpid(), "created": psutil.Process().create_time()}
