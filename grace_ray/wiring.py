"""Settings to built parts: the one composition root. Imports of heavy parts are made where a part is built."""

import socket
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from grace_ray.core.ports import KnowledgePort, RuntimeActions
from grace_ray.core.store import Reader, series_keys
from grace_ray.settings import ScrapeTarget, Settings

_PACKAGE = Path(__file__).parent
_CATALOGS = (_PACKAGE.parent / "config" / "metrics_catalog.yaml", _PACKAGE / "seeds" / "metrics_catalog.yaml")
"""The shipped catalog: in a checkout, and in an installed package."""

_PRUNE_STEPS = 20  # a second of the writer's time at most


def prepare_home(settings: Settings) -> str:
    """Make the home and bring the store's schema up to date; return where the store is.

    Raises NewerVersion, and InvalidInput where the metrics catalog or a playbook has a mistake.
    """
    from grace_ray.adapters.store.open import open_writer

    load_catalog(settings)
    load_playbooks(settings)
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    (settings.home / "logs").mkdir(exist_ok=True)
    writer = open_writer(settings)
    writer.migrate()
    writer.close()
    return "PostgreSQL" if settings.database_url else f"SQLite in {settings.home}"


def load_catalog(settings: Settings) -> Any:
    """Return diagnose.metrics.catalog.Catalog as the settings name it, or the shipped one. Raises InvalidInput."""
    from grace_ray.diagnose.metrics import catalog

    own = settings.metrics.catalog
    path = Path(own).expanduser() if own else next(path for path in _CATALOGS if path.exists())
    return catalog.load(path, frozenset(playbook.id for playbook in load_playbooks(settings).all()))


def load_playbooks(settings: Settings) -> Any:
    """Return act.playbooks.catalog.Catalog: the shipped playbooks and the user's. Raises InvalidInput."""
    from grace_ray.act.playbooks.catalog import Catalog

    return Catalog.of_folders([Path(folder).expanduser() for folder in settings.playbooks.folders])


def open_reader(settings: Settings) -> Reader:
    """Return a reader of the store."""
    from grace_ray.adapters.store import open as store

    return store.open_reader(settings)


def open_journal(settings: Settings) -> Any:
    """Return prove.journal.Journal over the store's single writer, recovered."""
    from grace_ray.adapters.store.open import open_writer
    from grace_ray.prove.checkpoints import Notary
    from grace_ray.prove.journal import Journal

    buffer = settings.triage.buffer if settings.triage.enabled else 0
    journal = Journal(open_writer(settings), buffer=buffer, notary=Notary(settings.home))
    journal.recover()
    return journal


def journal_chores(settings: Settings, journal: Any) -> Callable[[datetime], None]:
    """Return what the journal's writer does between appends, now and then: sign a checkpoint, prune what is old."""
    from grace_ray.core.sample import HOURLY_S
    from grace_ray.prove.retention import Retention, SeriesRetention

    reader, metrics = open_reader(settings), settings.metrics
    keep_snapshots = {
        metrics.snapshot_s: timedelta(days=metrics.keep_snapshots_days),
        HOURLY_S: timedelta(days=metrics.keep_hourly_days),
    }
    retentions: list[Any] = [
        Retention(journal, reader, settings.journal.keep_bodies_days),
        SeriesRetention(
            journal, reader, timedelta(hours=metrics.keep_points_h), keep_snapshots, is_followed=metrics.enabled
        ),
    ]

    def chores(now: datetime) -> None:
        journal.checkpoint(now)
        for retention in retentions:
            for _ in range(_PRUNE_STEPS):
                if not retention.step(now):
                    break

    return chores


def build_retention(settings: Settings, journal: Any, keep_days: float) -> Any:
    """Return prove.retention.Retention of events' bodies, for another age than the settings'."""
    from grace_ray.prove.retention import Retention

    return Retention(journal, open_reader(settings), keep_days)


def build_triage(settings: Settings) -> Any:
    """Return diagnose.triage.Triage with a template miner."""
    from grace_ray.diagnose.triage import Triage
    from grace_ray.models.templates.miner import TemplateMiner

    return Triage(settings.triage, TemplateMiner(settings.triage.templates_max))


def build_launcher(settings: Settings) -> Any:
    """Return act.missions.launcher.Launcher."""
    from grace_ray.act.missions.launcher import Launcher

    return Launcher(settings.missions)


def build_knowledge(settings: Settings) -> Any:
    """Return learn.knowledge.Knowledge; the embedding model loads at first use."""
    from grace_ray.adapters.embedding.minilm_package import PackagedMiniLM
    from grace_ray.learn.knowledge import Knowledge

    return Knowledge(settings.knowledge, PackagedMiniLM())


def build_forecaster(settings: Settings) -> Any:
    """Return diagnose.forecasting.part.Forecaster over the catalog and the trained versions on disk."""
    from grace_ray.diagnose.forecasting.history import Steps
    from grace_ray.diagnose.forecasting.part import Forecaster

    artefacts = forecaster_artefacts(settings)

    def load(version: str) -> Any:
        from grace_ray.models.forecast import tft

        return tft.load(artefacts.model(version))

    metrics = {metric.id: metric for metric in load_catalog(settings).metrics}
    steps = Steps(settings.metrics.snapshot_s, max(1, round(settings.metrics.interval_s)))
    return Forecaster(settings.forecaster, metrics, steps, load, is_scheduled=settings.scheduler.enabled)


def forecaster_artefacts(settings: Settings) -> Any:
    """Return adapters.artefacts.forecaster.ForecasterArtefacts of the home."""
    from grace_ray.adapters.artefacts.forecaster import ForecasterArtefacts

    return ForecasterArtefacts(settings.home)


def build_trust(settings: Settings) -> Any:
    """Return decide.trust.part.TrustPart."""
    from grace_ray.decide.trust.part import TrustPart

    return TrustPart(settings.trust)


def build_meta_learner(settings: Settings) -> Any:
    """Return learn.meta.part.MetaLearner."""
    from grace_ray.learn.meta.part import MetaLearner

    return MetaLearner(settings.meta_learner)


def run_learning_cycle(settings: Settings, due: Any, now: datetime) -> bytes:
    """Return what a cycle that the meta-learner gave out has found, as learn.meta.cycle.result_from_bytes takes it."""
    from grace_ray.learn.meta.cycle import result_to_bytes
    from grace_ray.learn.meta.work import learn

    reader = open_reader(settings)
    try:
        return result_to_bytes(learn(due, reader, settings.meta_learner, now))
    finally:
        reader.close()


def build_scheduler(settings: Settings) -> Any:
    """Return decide.scheduling.part.Scheduler with Grace's jobs."""
    from grace_ray.decide.scheduling.jobs import planned_jobs
    from grace_ray.decide.scheduling.part import Scheduler

    return Scheduler(planned_jobs(settings))


def build_runbooks(settings: Settings) -> Any:
    """Return the reader of the folders of runbooks that the settings name."""
    from grace_ray.adapters.vcs.runbooks import RunbookFolders

    return RunbookFolders(settings.knowledge.runbooks, settings.knowledge.document_max_bytes)


def build_collectors(settings: Settings, read_runtime: Callable[[], Any]) -> list[Any]:
    """Return the collectors of the host and of the runtime, whose state ``read_runtime`` gives."""
    from grace_ray.sense.collectors.host import HostCollector, read_host
    from grace_ray.sense.collectors.runtime import RuntimeCollector

    return [HostCollector(settings.sensors, socket.gethostname(), read_host), RuntimeCollector(read_runtime)]


def build_metrics(settings: Settings) -> Any:
    """Return diagnose.metrics.part.MetricsPart with the catalog."""
    from grace_ray.diagnose.metrics.part import MetricsPart

    return MetricsPart(settings.metrics, {metric.id: metric for metric in load_catalog(settings).metrics})


def build_metrics_collector(settings: Settings) -> Any:
    """Return the collector of Grace's own metrics."""
    from grace_ray.sense.collectors.metrics import MetricsCollector

    intervals_s = {metric.id: metric.interval_s for metric in load_catalog(settings).metrics}
    return MetricsCollector(open_reader(settings), settings.metrics.interval_s, intervals_s)


def build_desk(settings: Settings) -> Any:
    """Return decide.playbooks.desk.Desk with the catalogs of playbooks and metrics."""
    from grace_ray.decide.playbooks.desk import Desk

    metrics = {metric.id: metric for metric in load_catalog(settings).metrics}
    return Desk(settings.playbooks, load_playbooks(settings), metrics)


def build_playbook_runner(settings: Settings, runtime: RuntimeActions, clock: Callable[[], datetime]) -> Any:
    """Return act.playbooks.runner.Runner, which acts through ``runtime``."""
    from grace_ray.act.playbooks.runner import Runner
    from grace_ray.act.playbooks.step import World
    from grace_ray.adapters.web.sender import GuardedSender

    world = World(
        runtime=runtime,
        http=GuardedSender(settings.web.user_agent, allow_private=settings.playbooks.allow_private),
        reader=open_reader(settings),
        settings=settings.playbooks,
        home=settings.home,
        clock=clock,
        keep_bodies_days=settings.journal.keep_bodies_days,
    )
    return Runner(world)


def build_archive(settings: Settings) -> Any:
    """Return adapters.training.TrainingFolder below the home, with its category folders made."""
    from grace_ray.adapters.training import TrainingFolder
    from grace_ray.decide.playbooks.archive import CATEGORIES

    folder = TrainingFolder(settings.home / "grace_training")
    folder.make(CATEGORIES)
    return folder


def archived(reader: Reader, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield (path, content) of the files in ``grace_training/`` of the newest ``count`` experiences and verdicts."""
    from grace_ray.decide.playbooks.archive import newest_files

    yield from newest_files(reader, count)


def build_sample_intake(settings: Settings, reader: Reader) -> Any:
    """Return sense.samples.SampleIntake, which knows the series that the store has."""
    from grace_ray.sense.samples import SampleIntake

    return SampleIntake(settings, lambda: series_keys(reader))


def build_scrapers(settings: Settings) -> list[Any]:
    """Return a scraper for each Prometheus endpoint that the settings name."""
    from grace_ray.adapters.web.exposition import fetch_exposition
    from grace_ray.sense.collectors.scrape import Scraper
    from grace_ray.sense.formats.prometheus import ACCEPT

    def fetch(target: ScrapeTarget) -> tuple[str, bytes]:
        return fetch_exposition(target.url, ACCEPT, target.timeout_s, settings.metrics.scrape_max_bytes)

    intake = build_sample_intake(settings, open_reader(settings))
    return [Scraper(target, fetch, intake) for target in settings.metrics.scrape]


def build_runner(settings: Settings, knowledge: KnowledgePort, clock: Callable[[], datetime]) -> Any:
    """Return act.missions.runner.Runner with the strategies that the settings allow."""
    from grace_ray.act.missions.runner import Runner

    return Runner(_strategies(settings, knowledge, clock), _distiller(settings, clock))


def _strategies(settings: Settings, knowledge: KnowledgePort, clock: Callable[[], datetime]) -> dict[str, Any]:
    from grace_ray.act.missions.strategies.pattern import PatternStrategy
    from grace_ray.act.missions.strategies.rag import RagStrategy
    from grace_ray.act.missions.strategies.runbooks import RunbookStrategy

    strategies: dict[str, Any] = {"pattern": PatternStrategy(open_reader(settings))}
    if settings.knowledge.enabled:
        strategies["runbooks"] = RunbookStrategy(knowledge)
        strategies["rag"] = RagStrategy(knowledge, settings.missions.top_k)
    if settings.web.enabled:
        strategies["web"] = _web_strategy(settings, clock)
    if settings.github.enabled:
        from grace_ray.act.missions.strategies.github import GithubStrategy
        from grace_ray.adapters.github.client import GithubClient

        host = GithubClient(settings.github, settings.web.user_agent)
        strategies["github"] = GithubStrategy(host, clock, settings.missions.max_repos)
    return strategies


def _web_strategy(settings: Settings, clock: Callable[[], datetime]) -> Any:
    from grace_ray.act.missions.strategies.web import WebStrategy
    from grace_ray.adapters.web.fetcher import FetchRules, GuardedFetcher
    from grace_ray.adapters.web.search import open_search

    web = settings.web
    rules = FetchRules(
        size_max=web.page_max_bytes,
        timeout_s=web.fetch_timeout_s,
        redirects_max=web.redirects_max,
        allow_private=web.allow_private,
    )
    fetcher = GuardedFetcher(rules, web.user_agent)
    return WebStrategy(open_search(web), fetcher, clock, settings.missions.max_sources)


def _distiller(settings: Settings, clock: Callable[[], datetime]) -> Any:
    from grace_ray.act.missions.distill import ExtractiveDistiller
    from grace_ray.adapters.llm.openai import OpenAIModel, is_configured

    extractive = ExtractiveDistiller(clock)
    if not is_configured(settings.llm):
        return extractive
    from grace_ray.act.missions.written import WritingDistiller

    return WritingDistiller(OpenAIModel(settings.llm), extractive, clock)
