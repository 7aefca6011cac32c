"""Settings to built parts: the one composition root. Imports of heavy parts are made where a part is built."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from grace_ray.core.store import Reader
from grace_ray.settings import Settings

_PRUNE_STEPS = 20  # a second of the writer's time at most


def prepare_home(settings: Settings) -> str:
    """Make the home and bring the store's schema up to date; return where the store is. Raises NewerVersion."""
    from grace_ray.adapters.store.open import open_writer

    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    (settings.home / "logs").mkdir(exist_ok=True)
    writer = open_writer(settings)
    writer.migrate()
    writer.close()
    return "PostgreSQL" if settings.database_url else f"SQLite in {settings.home}"


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
    from grace_ray.prove.retention import Retention

    retention = Retention(journal, open_reader(settings), settings.journal.keep_bodies_days)

    def chores(now: datetime) -> None:
        journal.checkpoint(now)
        for _ in range(_PRUNE_STEPS):
            if not retention.step(now):
                return

    return chores


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
