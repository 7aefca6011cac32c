"""Every setting of Grace, with default, unit and range, from the environment and from ``$GRACE_HOME/grace.toml``.

``GRACE_HTTP_PORT=8001`` sets a top-level field, ``GRACE_TRIAGE__SWEEP_INTERVAL_S=10`` one of a section. The
environment wins over the file. An unknown name is an error: no setting is accepted and ignored.
"""

from pathlib import Path
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource


class Section(BaseModel):
    """Settings of one part; immutable, and unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class JournalSettings(Section):
    """The journal: how much is committed at once, and how long bodies are kept."""

    group_max_rows: int = Field(1024, ge=1, description="Rows committed in one transaction at most")
    pending_max_rows: int = Field(20_000, ge=1, description="Rows waiting for a commit beyond which writers wait")
    buffer_wait_s: float = Field(0.5, ge=0, description="How long an append waits for room before 429")
    keep_bodies_days: float = Field(30, gt=0, description="Age after which raw event bodies are pruned; hashes stay")
    checkpoint_interval_s: float = Field(60, gt=0, description="Time between signed checkpoints")


class IntakeSettings(Section):
    """What is taken in: limits on size and time, redaction, secrets of senders."""

    enabled: bool = True
    body_max_bytes: int = Field(16 * 2**20, ge=1024, description="Size of one request")
    event_max_bytes: int = Field(256 * 1024, ge=1024, description="Size of one event")
    batch_max_events: int = Field(10_000, ge=1)
    depth_max: int = Field(32, ge=2, description="Nesting of one event's data")
    future_max_s: float = Field(3600, ge=0, description="How far ahead of our clock an event's time may be")
    past_max_days: float = Field(366, gt=0, description="How old an event's time may be")
    redact_extra: tuple[str, ...] = Field((), description="More field names whose values are secret")
    github_secret: SecretStr = Field(SecretStr(""), description="HMAC secret of GitHub webhooks; empty: refused")


class TriageSettings(Section):
    """Triage: buffer, sweep, urgency and when a mission is launched."""

    enabled: bool = True
    buffer: int = Field(1000, ge=1, description="Events accepted and not yet triaged beyond which senders get 429")
    batch: int = Field(1000, ge=1, description="Events handled and committed together")
    sweep_interval_s: float = Field(30, gt=0)
    launch_urgency: float = Field(0.7, ge=0, le=1)
    launch_count: int = Field(5, ge=1)
    launch_severity: str = "critical"
    severity_weight: float = Field(0.6, ge=0, le=1)
    recurrence_weight: float = Field(0.4, ge=0, le=1)
    recurrence_halflife_s: float = Field(3600, gt=0, description="Age at which an event counts half")
    sample_max: int = Field(10, ge=1, description="Events kept in a cluster's sample")
    delete_resolved_after_s: float = Field(24 * 3600, gt=0)
    reopen_mission_after_s: float = Field(3600, ge=0, description="Least time between two missions of one cluster")
    noisy_per_minute: int = Field(1000, ge=1, description="Events a minute from one source beyond which it is sampled")
    clusters_warning: int = Field(50, ge=1, description="Active clusters beyond which cluster explosion is warned of")
    failing_missions_share: float = Field(0.5, ge=0, le=1)
    templates_max: int = Field(20_000, ge=10, description="Message templates kept in memory")


class MissionSettings(Section):
    """Learning missions: how many, how long, and with which strategies."""

    enabled: bool = True
    max_running: int = Field(3, ge=1)
    timeout_s: float = Field(1800, gt=0)
    lease_s: float = Field(15, gt=0, description="A worker that is silent for so long has lost its mission")
    attempts_max: int = Field(3, ge=1)
    queue_max: int = Field(1000, ge=1)
    learning_priority: tuple[str, ...] = ("web", "github", "rag")
    strategies: tuple[str, ...] = ("runbooks", "pattern", "web", "github", "rag")
    max_sources: int = Field(3, ge=1, description="Web pages read by a mission")
    max_repos: int = Field(2, ge=1, description="GitHub repositories read by a mission")
    top_k: int = Field(5, ge=1, description="Passages taken from what is known already")


class KnowledgeSettings(Section):
    """Knowledge: where runbooks are, and how they are searched."""

    enabled: bool = True
    runbooks: tuple[str, ...] = Field((), description="Folders of Markdown, or git checkouts, indexed as knowledge")
    dense: bool = Field(True, description="Use embeddings beside BM25")
    document_max_bytes: int = Field(1024 * 1024, ge=1024)
    rescan_interval_s: float = Field(60, gt=0)


class SensorSettings(Section):
    """Host and runtime collectors."""

    enabled: bool = True
    interval_s: float = Field(15, gt=0)
    disk_high: float = Field(0.90, gt=0, le=1)
    memory_high: float = Field(0.90, gt=0, le=1)
    cpu_high: float = Field(0.95, gt=0, le=1)


class ScrapeTarget(Section):
    """A Prometheus endpoint to read, and the labels that its series get."""

    url: str
    interval_s: float = Field(60, gt=0)
    timeout_s: float = Field(10, gt=0)
    labels: dict[str, str] = Field(default_factory=dict)


class MetricsSettings(Section):
    """Metrics: the catalog, what is collected, limits, and how long it is kept."""

    enabled: bool = True
    catalog: str = Field("", description="Path of the metrics catalog; empty: the shipped one")
    interval_s: float = Field(60, gt=0, description="Time between two collections of Grace's own metrics")
    snapshot_s: int = Field(300, ge=1, le=3600, description="Time that one snapshot sums up, and step of forecasts")
    anomalies: bool = Field(True, description="Look for anomalies in every series")
    anomaly_score_min: float = Field(
        0.6,
        ge=0,
        le=1,
        description="Score from which on an anomaly is said: 0.5 the five rarest moments, 1 what never was",
    )
    anomaly_series_max: int = Field(1000, ge=0, description="Series scored for anomalies, those of the catalog first")
    scrape: tuple[ScrapeTarget, ...] = Field((), description="Prometheus endpoints to read: url, interval_s, labels")
    scrape_max_bytes: int = Field(16 * 2**20, ge=1024, description="Size of one scrape's answer")
    series_max: int = Field(10_000, ge=1, description="Series kept; points of further ones are refused")
    labels_max: int = Field(32, ge=0, description="Labels of one series")
    keep_points_h: float = Field(48, gt=1, description="Age after which points are pruned; their snapshots stay")
    keep_snapshots_days: float = Field(90, gt=0, description="Age after which 5-minute snapshots are pruned")
    keep_hourly_days: float = Field(730, gt=0, description="Age after which hourly snapshots are pruned")


class PlaybookSettings(Section):
    """Playbooks: where they are, what may run by itself, what commands and jobs may do, and how runs are bounded."""

    enabled: bool = True
    automatic: bool = Field(True, description="Run safe playbooks without asking; off: every run waits for approval")
    folders: tuple[str, ...] = Field((), description="Folders of playbooks (*.yaml) of your own; the same id replaces")
    max_running: int = Field(2, ge=1, description="Runs at the same time")
    lease_s: float = Field(15, gt=0, description="A run whose runner is silent for so long is interrupted and undone")
    approval_expires_s: float = Field(3600, gt=0, description="How long a run waits for approval before it is dropped")
    brake_max_s: float = Field(3600, gt=0, description="The longest time that a source is paused or load is shed")
    commands: tuple[str, ...] = Field(("df", "free", "uptime"), description="How commands may begin, words by words")
    jobs: tuple[str, ...] = Field(
        ("python -m grace_ray.cli.main journal verify",), description="How entrypoints of Ray jobs may begin"
    )
    notify_url: str = Field("", description="Webhook for notices to people (Slack-compatible); empty: journal only")
    allow_private: bool = Field(False, description="Let playbooks call HTTP addresses that are not public")
    nothing_settle_s: float = Field(120, gt=0, description="Time after which doing nothing is judged")
    replay_max: int = Field(10_000, ge=100, description="Experiences kept in memory to judge policies by")


class ForecasterSettings(Section):
    """Forecasts of metrics, early warnings, and the training of the global model."""

    enabled: bool = True
    interval_s: float = Field(900, gt=0, description="Time between two forecasts of a metric")
    horizon_steps: int = Field(12, ge=1, le=288, description="Snapshots ahead: 12 of 5 min are an hour")
    history_steps: int = Field(576, ge=24, le=20_000, description="Snapshots that a forecast is made from")
    series_max: int = Field(500, ge=1, description="Series forecast; those of the catalog come first")
    warning_probability: float = Field(0.5, gt=0, lt=1, description="Calibrated chance of a breach that warns")
    train_interval_s: float = Field(6 * 3600, gt=0, description="Time between two trainings of the global model")
    train_steps_min: int = Field(288, ge=48, description="Snapshots of one metric before a training is worth it")
    train_history_steps: int = Field(4032, ge=288, description="Snapshots of each metric that a training reads")
    train_epochs: int = Field(30, ge=1)
    train_timeout_s: float = Field(1800, gt=0)
    shadow_outcomes: int = Field(200, ge=1, description="Outcomes that decide between champion and challenger")
    keep_versions: int = Field(5, ge=2, description="Trained versions kept below ml_artifacts")


class WebSettings(Section):
    """The web strategy: search provider and fetch limits."""

    enabled: bool = True
    search_url: str = Field("", description="A SearXNG-compatible search endpoint; empty: DuckDuckGo's HTML page")
    fetch_timeout_s: float = Field(15, gt=0)
    page_max_bytes: int = Field(2 * 2**20, ge=1024)
    redirects_max: int = Field(5, ge=0)
    user_agent: str = "grace-ray/0.1 (+operations runtime)"
    allow_private: bool = Field(False, description="Let pages on private addresses be read; for tests and intranets")


class GithubSettings(Section):
    """The github strategy."""

    enabled: bool = True
    api_url: str = "https://api.github.com"
    token: SecretStr = SecretStr("")
    timeout_s: float = Field(15, gt=0)


class LlmSettings(Section):
    """An OpenAI-compatible language model; off while ``base_url`` and ``api_key`` are empty."""

    base_url: str = ""
    api_key: SecretStr = SecretStr("")
    model: str = ""
    timeout_s: float = Field(60, gt=0)


class AuthToken(Section):
    """A bearer token, what it may do (ingest, read, operate, admin), and for which workspaces (none named: for all)."""

    name: str
    token: SecretStr
    scopes: tuple[str, ...]
    workspaces: tuple[str, ...] = ()


class TrustSettings(Section):
    """Recommendations, how far their agents can be trusted, and who is given a task."""

    enabled: bool = True
    keep_days: float = Field(90, gt=0, description="Age after which recommendations are cleaned up")
    workspaces_max: int = Field(1000, ge=1, description="Workspaces beyond it are refused")
    agents_max: int = Field(10_000, ge=1, description="Agents of one workspace; the longest silent are forgotten first")
    dropped_by: float = Field(0.2, gt=0, le=1, description="Fall of an agent's expected success that triage hears of")
    history_max: int = Field(200, ge=2, description="Recalculations kept for each agent's history")


class MetaLearnerSettings(Section):
    """Learning from outcomes: patterns, rules and profiles."""

    enabled: bool = True
    lookback_days: float = Field(7, gt=0, description="What a cycle looks back on")
    samples_max: int = Field(200_000, ge=100, description="Of the newest outcomes in it, so many are looked at")
    support_min: int = Field(20, ge=2, description="Outcomes that a pattern must rest on")
    error_rate: float = Field(0.01, gt=0, lt=1, description="Chance that a cycle over noise reports any pattern")
    trigger_outcomes: int = Field(500, ge=1, description="New outcomes after which a cycle is due")
    timeout_s: float = Field(600, gt=0, description="Time of one cycle")


class SchedulerSettings(Section):
    """What is done at fixed times."""

    enabled: bool = True
    timezone: str = Field("UTC", description="Whose clock 'daily 02:00' means, such as Europe/Berlin")

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, timezone: str) -> str:
        try:
            return ZoneInfo(timezone).key
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"{timezone!r} is no time zone that is known here, such as Europe/Berlin") from error


_Shareable = Literal[
    "sensors", "metrics", "forecaster", "scheduler", "mission_launcher", "knowledge", "trust", "meta_learner"
]


class SharedProcess(Section):
    """A process that hosts several parts. The parts left out need one to themselves.

    The journal writes, triage keeps up with a storm, a run of the playbooks outlives the process that it restarts.
    """

    name: str = Field(pattern=r"^[a-z]{2,30}$")
    parts: tuple[_Shareable, ...]

    @field_validator("name")
    @classmethod
    def _is_no_part(cls, name: str) -> str:
        if name in ("journal", "triage", "playbooks", *get_args(_Shareable)):
            raise ValueError(f"{name!r} is the name of a part")
        return name


class RaySettings(Section):
    """The Ray cluster under Grace."""

    address: str = Field("", description="Join the Ray at this address instead of starting one")
    num_cpus: int = Field(0, ge=0, description="0: as many as the machine has")
    object_store_bytes: int = Field(200 * 2**20, ge=80 * 2**20)
    dashboard: bool = Field(True, description="Serve Ray's dashboard (always on loopback)")
    dashboard_port: int = Field(8265, ge=1, le=65535, description="The next free port from here is taken")
    dashboard_metrics: bool = Field(False, description="Let Ray collect its own metrics: 7% of a core when idle")
    haproxy: bool = Field(False, description="Use Serve's HAProxy ingress: five times the requests, one process more")
    shared: tuple[SharedProcess, ...] = Field(
        (
            SharedProcess(name="senses", parts=("sensors", "metrics", "forecaster", "scheduler")),
            SharedProcess(name="learning", parts=("mission_launcher", "knowledge", "trust", "meta_learner")),
        ),
        description="Light parts that live in one process: an idle process costs 0.8% of a core and 80 MB",
    )

    @field_validator("shared")
    @classmethod
    def _are_apart(cls, shared: tuple[SharedProcess, ...]) -> tuple[SharedProcess, ...]:
        parts = [part for process in shared for part in process.parts]
        for name in [*parts, *(process.name for process in shared)]:
            if [*parts, *(process.name for process in shared)].count(name) > 1:
                raise ValueError(f"{name!r} is named twice: a part lives in one process, each with a name of its own")
        return shared


class Settings(BaseSettings):
    """All settings; see the sections for their fields."""

    model_config = SettingsConfigDict(
        env_prefix="GRACE_",
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        nested_model_default_partial_update=True,
    )

    home: Path = Path(".grace")
    database_url: str = Field("", description="postgresql://... instead of SQLite in the home")
    http_host: str = "127.0.0.1"
    http_port: int = Field(8000, ge=0, le=65535)
    tokens: tuple[AuthToken, ...] = ()
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Of the logs in the home")

    journal: JournalSettings = JournalSettings()
    intake: IntakeSettings = IntakeSettings()
    triage: TriageSettings = TriageSettings()
    missions: MissionSettings = MissionSettings()
    knowledge: KnowledgeSettings = KnowledgeSettings()
    sensors: SensorSettings = SensorSettings()
    playbooks: PlaybookSettings = PlaybookSettings()
    metrics: MetricsSettings = MetricsSettings()
    forecaster: ForecasterSettings = ForecasterSettings()
    trust: TrustSettings = TrustSettings()
    meta_learner: MetaLearnerSettings = MetaLearnerSettings()
    scheduler: SchedulerSettings = SchedulerSettings()
    web: WebSettings = WebSettings()
    github: GithubSettings = GithubSettings()
    llm: LlmSettings = LlmSettings()
    ray: RaySettings = RaySettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then ``$GRACE_HOME/grace.toml``."""
        home = Path(init_settings().get("home") or env_settings().get("home") or cls.model_fields["home"].default)
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, home / "grace.toml")

    @property
    def is_loopback(self) -> bool:
        """Whether HTTP is bound to this machine alone."""
        return self.http_host in {"127.0.0.1", "::1", "localhost"}

    @property
    def parts(self) -> dict[str, bool]:
        """Each part of the runtime by its name, and whether it is switched on; the journal always is."""
        return {
            "journal": True,
            "triage": self.triage.enabled,
            "mission_launcher": self.missions.enabled,
            "knowledge": self.knowledge.enabled,
            "sensors": self.sensors.enabled,
            "metrics": self.metrics.enabled,
            "playbooks": self.playbooks.enabled,
            "forecaster": self.forecaster.enabled,
            "scheduler": self.scheduler.enabled,
            "trust": self.trust.enabled,
            "meta_learner": self.meta_learner.enabled,
        }

    def actor_of(self, part: str) -> str:
        """Return the name of the actor that a part lives in: its own, or that of the process it shares."""
        return next((process.name for process in self.ray.shared if part in process.parts), part)

    @property
    def url(self) -> str:
        """Where the HTTP face is."""
        host = f"[{self.http_host}]" if ":" in self.http_host else self.http_host
        return f"http://{host}:{self.http_port}"


def load(**overrides: Any) -> Settings:
    """Return the settings, the home made absolute; ``overrides`` win over everything."""
    settings = Settings(**{name: value for name, value in overrides.items() if value is not None})
    return settings.model_copy(update={"home": settings.home.expanduser().resolve()})
