"""grace up, down, status, config: starting, stopping and looking at the runtime of this GRACE_HOME."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer

from grace_ray.cli.keeper import Keeper
from grace_ray.cli.running import RunFiles
from grace_ray.core.errors import CallerError
from grace_ray.settings import Settings, load

Home = Annotated[Path | None, typer.Option(envvar="GRACE_HOME", help="Where Grace keeps its data")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON")]

EXIT_FAILED, EXIT_UNREACHABLE = 1, 3
_UP_TIMEOUT_S = 120.0
_DOWN_TIMEOUT_S = 20.0


def up(
    home: Home = None,
    host: Annotated[str | None, typer.Option(envvar="GRACE_HTTP_HOST", help="Address to listen on")] = None,
    port: Annotated[int | None, typer.Option(envvar="GRACE_HTTP_PORT", help="Port to listen on")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return when everything is ready")] = False,
) -> None:
    """Start Grace, and keep it running until Ctrl-C."""
    settings = load(home=home, http_host=host, http_port=port)
    try:
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        code = _up_detached(settings) if detach else Keeper(settings, _show).run()
    except (CallerError, OSError) as error:  # OSError: the home cannot be written, and it says which path and why
        typer.echo(f"grace up: {error}", err=True)
        code = EXIT_FAILED
    raise typer.Exit(code)


def _show(line: str) -> None:
    with contextlib.suppress(OSError):  # the terminal is gone, or the log's disk full: no reason to stop
        print(line, flush=True)


def _up_detached(settings: Settings) -> int:
    files = RunFiles(settings.home)
    if files.running():
        typer.echo(f"grace up: Grace runs already for {settings.home}: {files.read().get('url')}", err=True)
        return EXIT_FAILED
    files.log.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "GRACE_HOME": str(settings.home), "GRACE_HTTP_HOST": settings.http_host}
    environment["GRACE_HTTP_PORT"] = str(settings.http_port)
    log_start = files.log.stat().st_size if files.log.exists() else 0
    with files.log.open("a") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "grace_ray.cli.main", "up"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
    deadline = time.monotonic() + _UP_TIMEOUT_S
    shown = log_start
    while time.monotonic() < deadline and keeper.poll() is None:
        shown = _show_boot(files.log, shown)
        state = files.read()
        if state.get("ready") and state.get("pid") == keeper.pid:  # not what a Grace that was killed left behind
            _show_boot(files.log, shown)
            typer.echo(f"Grace is ready: {settings.url}")
            return 0
        time.sleep(0.1)
    with files.log.open() as log:
        log.seek(log_start)
        typer.echo(log.read()[-4000:], err=True)
    if keeper.poll() is None:
        keeper.terminate()
    typer.echo(f"grace up: not everything is ready; see {files.log}", err=True)
    return EXIT_FAILED


def _show_boot(log: Path, start: int) -> int:
    """Print what the log holds of the boot sequence after ``start``; return where its last whole line ends."""
    with log.open("rb") as file:
        file.seek(start)
        text = file.read()
    whole = text[: text.rfind(b"\n") + 1]
    for line in whole.decode(errors="replace").splitlines():
        if line.startswith(("[OK]", "[--]")):
            typer.echo(line)
    return start + len(whole)


def down(home: Home = None) -> None:
    """Stop the Grace of this GRACE_HOME, and nothing else."""
    settings = load(home=home)
    found = RunFiles(settings.home).running()
    if found is None:
        typer.echo(f"No Grace runs for {settings.home}.")
        return
    found.terminate()
    try:
        found.wait(_DOWN_TIMEOUT_S)
    except psutil.TimeoutExpired:
        typer.echo("Grace did not stop in time and is ended.", err=True)
        for process in [*found.children(recursive=True), found]:
            process.kill()
        raise typer.Exit(EXIT_FAILED) from None
    typer.echo("Grace has stopped.")


def status(home: Home = None, as_json: Json = False) -> None:
    """Show whether Grace is ready, where it is, and how each part is doing (exit 0 ready, 1 not, 3 not running)."""
    settings = load(home=home)
    files = RunFiles(settings.home)
    state = files.read()
    if files.running() is None:
        answer: dict[str, Any] = {"ready": False, "url": None, "home": str(settings.home), "version": None, "parts": {}}
        code = EXIT_UNREACHABLE
    else:
        silent = {**{name: state.get(name) for name in ("url", "home", "version")}, "ready": False}
        answer = _ask(state["url"], settings) or silent  # what the keeper last wrote is not what is
        answer.setdefault("parts", state.get("parts", {}))
        code = 0 if answer["ready"] else EXIT_FAILED
    if as_json:
        typer.echo(json.dumps(answer, indent=1))
    else:
        _print_status(answer, code)
    raise typer.Exit(code)


def _ask(url: str, settings: Settings) -> dict[str, Any] | None:
    import httpx

    headers = {"Authorization": f"Bearer {settings.tokens[0].token.get_secret_value()}"} if settings.tokens else {}
    try:
        reply = httpx.get(f"{url}/api/status", headers=headers, timeout=10)
        answer: dict[str, Any] = reply.raise_for_status().json()
    except (httpx.HTTPError, ValueError):
        return None
    return answer


def _print_status(answer: dict[str, Any], code: int) -> None:
    if code == EXIT_UNREACHABLE:
        typer.echo(f"No Grace runs for {answer['home']}. Start it with: grace up")
        return
    typer.echo(f"Grace {answer['version']} at {answer['url']} is {'ready' if answer['ready'] else 'not ready'}.")
    for name, part in answer["parts"].items():
        rest = ", ".join(f"{key} {value}" for key, value in part.items() if key != "state" and value not in ("", None))
        typer.echo(f"  {name:<18} {part.get('state', ''):<10} {rest}")


def config(
    name: Annotated[str, typer.Argument(help="A setting, such as triage.buffer; empty for all")] = "",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show the settings in force; secrets are masked."""
    plain = load(home=home).model_dump(mode="json")
    for key in [part for part in name.split(".") if part]:
        if not isinstance(plain, dict) or key not in plain:
            typer.echo(f"grace config: there is no setting {name}", err=True)
            raise typer.Exit(2)
        plain = plain[key]
    if as_json or not isinstance(plain, dict):
        typer.echo(json.dumps(plain, indent=1))
        return
    for line in _flat(plain):
        typer.echo(line)


def _flat(plain: dict[str, Any], prefix: str = "") -> list[str]:
    lines = []
    for key, value in plain.items():
        lines += (
            _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [f"{prefix}{key} = {json.dumps(value)}"]
        )
    return lines
