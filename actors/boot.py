"""What the boot sequence says of each part, and whether the sources that missions learn from can be reached."""

import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from grace_ray import wiring
from grace_ray.core.event_types import REGISTRY
from grace_ray.decide.scheduling.jobs import planned_jobs
from grace_ray.settings import Settings

PROBE_S = 3.0
_SECTIONS = {"mission_launcher": "missions"}  # the settings of a part, where they have another name
_EMITTERS = "Events"  # how the classes of sense/emitters.py end


class Line(NamedTuple):
    """One line of the boot sequence: ``state`` is ready, or in a word why it is not."""

    part: str
    state: str
    detail: str


def detail_of(part: str, settings: Settings) -> str:
    """Return what a person wants to know of a part that is ready; "" where that is nothing."""
    triage, missions, knowledge = settings.triage, settings.missions, settings.knowledge
    details = {
        "journal": f"bodies of events are kept for {settings.journal.keep_bodies_days:g} days",
        "triage": f"sweeps every {triage.sweep_interval_s:g} s, {len(REGISTRY)} subscriptions, "
        f"buffer of {triage.buffer:,} events",
        "mission_launcher": f"at most {missions.max_running} missions at once, {missions.timeout_s / 60:g} min each, "
        f"strategies {', '.join(missions.strategies)}",
        "knowledge": f"{'lexical and dense' if knowledge.dense else 'lexical'} search",
        "forecaster": f"every {settings.forecaster.interval_s / 60:g} min, "
        f"{settings.forecaster.horizon_steps * settings.metrics.snapshot_s / 60:g} min ahead; "
        f"trained every {settings.forecaster.train_interval_s / 3600:g} h",
        "metrics": f"measured every {settings.metrics.interval_s:g} s, summed up every "
        f"{settings.metrics.snapshot_s / 60:g} min, {len(settings.metrics.scrape)} endpoints scraped",
        "meta_learner": f"patterns in the outcomes of {settings.meta_learner.lookback_days:g} days",
        "trust": f"recommendations are kept for {settings.trust.keep_days:g} days",
        "scheduler": f"{sum(job.is_on for job in planned_jobs(settings))} jobs, by the clock of "
        f"{settings.scheduler.timezone}",
        "sensors": f"host and runtime every {settings.sensors.interval_s:g} s",
    }
    if part == "playbooks":
        safe = "safe ones run by themselves" if settings.playbooks.automatic else "each waits for approval"
        return f"{len(wiring.load_playbooks(settings).all())} playbooks, {safe}"
    return details.get(part, "")


def switched_off(settings: Settings) -> list[Line]:
    """Return a line for each part that a setting keeps from starting."""
    switches = {**settings.parts, "intake": settings.intake.enabled}
    off = [part for part, is_on in switches.items() if not is_on]
    return [Line(part, "off", f"switched off by {_SECTIONS.get(part, part)}.enabled") for part in off]


def emitters() -> Line:
    """Return how many types of events the emitters have methods for."""
    counts = Counter(known.emitter for known in REGISTRY.values() if known.emitter.endswith(_EMITTERS))
    named = ", ".join(f"{emitter.removesuffix(_EMITTERS)} {count}" for emitter, count in counts.items())
    return Line("emitters", "ready", f"{len(counts)} emitters of {counts.total()} types: {named}")


def sources(settings: Settings) -> list[Line]:
    """Return for each source of knowledge whether it can be reached, asked all at once: takes about PROBE_S."""
    probes = {"runbooks": _runbooks, "web": _web, "github": _github}
    asked = settings.missions.strategies if settings.missions.enabled else ()
    with ThreadPoolExecutor(len(probes) + 1, thread_name_prefix="probe") as pool:
        return list(pool.map(lambda probe: probe(settings), [*(probes[s] for s in asked if s in probes), _model]))


def _web(settings: Settings) -> Line:
    return _probed("web", settings.web.search_url or "https://html.duckduckgo.com", is_on=settings.web.enabled)


def _github(settings: Settings) -> Line:
    return _probed("github", settings.github.api_url, is_on=settings.github.enabled)


def _runbooks(settings: Settings) -> Line:
    folders = [Path(folder).expanduser() for folder in settings.knowledge.runbooks]
    missing = [str(folder) for folder in folders if not folder.is_dir()]
    if missing:
        return Line("source runbooks", "missing", f"no such folder: {', '.join(missing)}")
    if not folders:
        return Line("source runbooks", "none", "no folders named (knowledge.runbooks); add some: grace knowledge add")
    return Line("source runbooks", "ready", ", ".join(map(str, folders)))


def _model(settings: Settings) -> Line:
    llm = settings.llm
    if not (llm.model and (llm.base_url or llm.api_key.get_secret_value())):
        return Line("language model", "none", "none configured: knowledge is extracted sentences")
    line = _probed("model", llm.base_url or "https://api.openai.com", is_on=True)
    return Line("language model", line.state, f"{llm.model} at {line.detail}")


def _probed(name: str, url: str, *, is_on: bool) -> Line:
    """Return whether anything listens at a URL; no request is sent."""
    part = f"source {name}"
    if not is_on:
        return Line(part, "off", f"switched off by {name}.enabled")
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)
    try:
        socket.create_connection((host, port), PROBE_S).close()
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return Line(part, "unreachable", f"{host}: {why}")
    return Line(part, "ready", host)
