"""Run a command of the allow-list, without a shell, and end it with all its children when its time is up."""

import contextlib
import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from typing import IO, Annotated, Any

import psutil
from pydantic import Field

from grace_ray.act.playbooks.commandline import check_allowed
from grace_ray.act.playbooks.step import Arguments, SelfEnding, StepFailed, StepTime, World

_OUTPUT_MAX = 4000
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")  # no tokens and no settings of ours reach a command
_POLL_S = 0.1
_MARK = "PLAYBOOK_RUN"
Word = Annotated[str, Field(min_length=1, max_length=4096)]


class CommandArguments(Arguments):
    """The words of the command; each is handed over as it stands."""

    command: tuple[Word, ...] = Field(min_length=1, max_length=64)


class RunCommand(SelfEnding):
    """Its output goes to a file, so that a child which holds on to a pipe holds nothing up.

    What a command did stays; where its runner was killed, undoing ends what still runs of it, found by a mark in the
    environment.
    """

    arguments = CommandArguments

    def plan(self, arguments: CommandArguments, world: World) -> str:
        """Say the command. Raises Refused where it is not allowed."""
        check_allowed(arguments.command, world.settings.commands, "playbooks.commands")
        return f"Run: {shlex.join(arguments.command)}"

    def prepare(self, arguments: CommandArguments, world: World) -> Mapping[str, Any] | None:
        """Note the mark that the command's processes carry."""
        return {"run_id": world.run_id}

    def undo(self, undo: Mapping[str, Any], world: World, time: StepTime) -> str:
        """End what still runs of the command."""
        ended = 0
        for process in psutil.process_iter():
            time.left()
            try:
                if process.environ().get(_MARK) == undo["run_id"]:
                    process.kill()
                    ended += 1
            except psutil.Error:
                continue
        return f"{ended} processes of the command were ended; what it did stays."

    def run(self, arguments: CommandArguments, world: World, time: StepTime) -> str:
        """Run it in a process group of its own. Raises StepFailed for an exit code that is not 0."""
        check_allowed(arguments.command, world.settings.commands, "playbooks.commands")
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | {_MARK: world.run_id}
        with tempfile.TemporaryFile() as output:
            try:
                command = subprocess.Popen(
                    arguments.command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    start_new_session=True,
                )
            except OSError as error:
                raise StepFailed(f"{arguments.command[0]} cannot be run: {error.strerror}.", "command") from error
            try:
                self._wait(command, time)
            finally:
                _end_group(command)
            said = _tail_of(output)
        if command.returncode:
            raise StepFailed(f"{arguments.command[0]} ended with {command.returncode}: {said}")
        return said or f"{arguments.command[0]} ended with 0."

    def _wait(self, command: "subprocess.Popen[bytes]", time: StepTime) -> None:
        while True:
            try:
                command.wait(min(_POLL_S, time.left()))
            except subprocess.TimeoutExpired:
                continue
            return


def _end_group(command: "subprocess.Popen[bytes]") -> None:
    """Kill whatever is left of the command's process group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(command.pid, signal.SIGKILL)
    command.wait()


def _tail_of(output: IO[bytes]) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - _OUTPUT_MAX))
    return output.read().decode(errors="replace").strip()
