"""What the forecaster says of warnings: findings for the playbooks, events for triage, and the record people see."""

from datetime import datetime

from grace_ray.core.canonical import canonical
from grace_ray.core.event import Event
from grace_ray.core.fact import Fact
from grace_ray.core.follower import Effects
from grace_ray.core.forecast import IncidentWarning
from grace_ray.core.ids import derived_id
from grace_ray.core.jsonable import to_plain
from grace_ray.core.metric import Metric
from grace_ray.core.store import Record
from grace_ray.diagnose.forecasting.champion import SOURCE
from grace_ray.diagnose.forecasting.views import INCIDENTS


def of_warning(warning: IncidentWarning, metric: Metric, now: datetime) -> Effects:
    """Return what a warning that has just opened or closed says, and its record."""
    is_open = warning.status == "open"
    name = "incident.warned" if is_open else "incident.closed"
    finding = Fact(
        id=derived_id(now, warning.warning_id, name),
        at=now,
        kind="finding",
        type=name,
        source=SOURCE,
        subject=warning.metric_id,
        trace=warning.warning_id,
        body={**to_plain(warning), "service": metric.service},
    )
    facts = [finding]
    if warning.status != "breached":  # of a breach the metric itself tells triage
        facts.append(_event(warning, metric, finding.id, now).to_fact())
    plain = canonical(to_plain(warning))
    record = Record(INCIDENTS, warning.warning_id, warning.status, warning.opened_at.timestamp(), plain)
    return Effects(facts=facts, records=[record])


def _event(warning: IncidentWarning, metric: Metric, cause: str, now: datetime) -> Event:
    is_open = warning.status == "open"
    name = "forecast.breach.predicted" if is_open else "forecast.breach.averted"
    in_time = f", in about {warning.minutes_to_breach:.0f} min" if warning.minutes_to_breach else ""
    return Event.of_type(
        name,
        id=derived_id(now, warning.warning_id, name),
        source=SOURCE,
        at=now,
        subject=warning.metric_id,
        trace=warning.warning_id,
        cause=cause,
        message=(
            f"{warning.metric_id} will probably pass {warning.threshold:g} {metric.unit}{in_time} "
            f"({warning.probability:.0%} within {warning.horizon_minutes} min)"
            if is_open
            else f"{warning.metric_id} did not pass {warning.threshold:g} {metric.unit}: {warning.status}"
        ),
        data={"metric_name": warning.metric_id, "service": metric.service, "probability": warning.probability},
    )
