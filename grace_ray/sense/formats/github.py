"""GitHub's webhooks: checked by their signature, and told apart into what failed, what was mended, and what is news."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from grace_ray.core.errors import Disabled, InvalidInput, Unauthorized
from grace_ray.sense.derivation import severity_of_word
from grace_ray.sense.formats.payload import inflated, json_value, media_type
from grace_ray.sense.raw import Decoded, RawEvent
from grace_ray.settings import IntakeSettings

_BAD = frozenset({"failure", "timed_out", "startup_failure", "action_required", "error"})
_GOOD = frozenset({"success", "neutral", "skipped"})
_OPENED = frozenset({"created", "create", "reopened", "reopened_by_user", "auto_reopened", "published", "reintroduced"})
_CLOSED = frozenset(
    {"fixed", "closed_by_user", "dismissed", "dismiss", "auto_dismissed", "resolve", "resolved", "withdrawn"}
)
# webhook -> (the object in its payload, the family of event types it belongs to)
_OBJECTS = {
    "check_run": ("check_run", "check"),
    "check_suite": ("check_suite", "check"),
    "status": ("", "check"),
    "workflow_run": ("workflow_run", "workflow"),
    "workflow_job": ("workflow_job", "workflow"),
    "deployment_status": ("deployment_status", "deployment"),
    "code_scanning_alert": ("alert", "security"),
    "dependabot_alert": ("alert", "security"),
    "repository_vulnerability_alert": ("alert", "security"),
    "secret_scanning_alert": ("alert", "security"),
    "security_advisory": ("security_advisory", "security"),
    "issues": ("issue", "issue"),
    "issue_comment": ("issue", ""),
    "pull_request": ("pull_request", ""),
    "release": ("release", ""),
}
_NOT_KEPT = ("url", "node_id", "_sha", "body", "avatar", "gravatar")
_KEPT_ANYWAY = frozenset({"html_url", "head_sha"})
_TEXT_MAX = 500


def decode(headers: Mapping[str, str], body: bytes, limits: IntakeSettings) -> Decoded:
    """Return the one event of a delivery, its id GitHub's own delivery id, so that a redelivery adds nothing.

    Raises Unauthorized where the signature (X-Hub-Signature-256) does not hold, Disabled while no secret is set.
    """
    _check_signature(headers, body, limits)
    payload = _payload(headers, body, limits)
    webhook = headers.get("x-github-event", "")
    if not webhook:
        raise InvalidInput("The header X-GitHub-Event is missing.", "x-github-event")
    event = _event(webhook, payload)
    event["id"] = headers.get("x-github-delivery") or hashlib.sha256(body).hexdigest()[:32]
    return [event]


def _check_signature(headers: Mapping[str, str], body: bytes, limits: IntakeSettings) -> None:
    secret = limits.github_secret.get_secret_value()
    if not secret:
        raise Disabled("GitHub's webhooks are refused until intake.github_secret is set.", "intake.github_secret")
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    given = headers.get("x-hub-signature-256", "")
    if not hmac.compare_digest(expected.encode(), given.encode(errors="replace")):
        raise Unauthorized("The signature of the webhook does not hold.", "x-hub-signature-256")


def _payload(headers: Mapping[str, str], body: bytes, limits: IntakeSettings) -> dict[str, Any]:
    octets = inflated(headers, body, limits)
    if media_type(headers) == "application/x-www-form-urlencoded":
        try:
            octets = parse_qs(octets.decode(), strict_parsing=True, max_num_fields=4)["payload"][0].encode()
        except (ValueError, KeyError) as error:
            raise InvalidInput("The form has no field named payload.", "payload") from error
    payload = json_value(octets)
    if not isinstance(payload, dict):
        raise InvalidInput("The payload of a webhook is an object.", "body")
    return payload


def _event(webhook: str, payload: dict[str, Any]) -> RawEvent:
    key, family = _OBJECTS.get(webhook, ("", ""))
    thing = _object(payload, key) if key else payload
    repository = _text(_object(payload, "repository").get("full_name")) or "github"
    action = _text(payload.get("action"))
    state = _state(webhook, thing)
    type_name, severity = _judged(family, action, state, thing, payload)
    name = _named(webhook, thing)
    event: RawEvent = {
        "specversion": "1.0",
        "source": f"github.com/{repository}",
        "type": type_name,
        "reported": thing.get("updated_at") or thing.get("created_at"),
        "subject": f"{repository}: {name}"[:1000] if name else repository,
        "message": _message(webhook, action, state, name, repository, _summary(thing)),
        "data": {"webhook": webhook, "action": action, "repository": repository}
        | ({"sender": sender} if (sender := _text(_object(payload, "sender").get("login"))) else {})
        | _scalars(thing),
    }
    return event | ({"severity": severity} if severity else {})


def _judged(family: str, action: str, state: str, thing: dict[str, Any], payload: dict[str, Any]) -> tuple[str, str]:
    """Return the event type, and the severity where it is not the type's own."""
    if family == "security" and action in _OPENED:
        return "github.security.alert", _security_severity(thing)
    if family == "security" and action in _CLOSED:
        return "github.security.fixed", ""
    if family == "issue" and action in ("opened", "reopened", "closed"):
        return ("github.issue.closed" if action == "closed" else "github.issue.opened"), ""
    if family in ("check", "workflow", "deployment") and state in _BAD:
        branch, default = thing.get("head_branch"), _object(payload, "repository").get("default_branch")
        is_on_side_branch = bool(branch and default and branch != default)
        return f"github.{family}.failed", "medium" if is_on_side_branch else "high"
    if family in ("check", "workflow", "deployment") and state in _GOOD:
        return f"github.{family}.succeeded", ""
    return "github.activity", ""


def _state(webhook: str, thing: dict[str, Any]) -> str:
    """Return how a check, run or deployment ended, empty while it goes on."""
    if webhook in ("status", "deployment_status"):
        return _text(thing.get("state"))
    return _text(thing.get("conclusion"))


def _security_severity(thing: dict[str, Any]) -> str:
    rule, advisory = _object(thing, "rule"), _object(thing, "security_advisory")
    words = (rule.get("security_severity_level"), advisory.get("severity"), thing.get("severity"), rule.get("severity"))
    return next((found for word in words if (found := severity_of_word(_text(word)))), "high")


def _named(webhook: str, thing: dict[str, Any]) -> str:
    """Return what the event is about within its repository: the same name when it fails and when it is mended."""
    if webhook == "status":
        return _text(thing.get("context"))
    if webhook == "check_suite":
        return f"checks of {_text(_object(thing, 'app').get('name')) or 'an application'}"
    if webhook == "push":
        return _text(thing.get("ref"))
    package = _object(_object(thing, "dependency"), "package").get("name") or thing.get("affected_package_name")
    rule = _object(thing, "rule").get("id")
    number = f"#{thing['number']}" if isinstance(thing.get("number"), int) else ""
    choices = (
        package, rule, thing.get("workflow_name") and f"{thing['workflow_name']} / {thing.get('name')}",
        thing.get("environment"), thing.get("name"), thing.get("ghsa_id"), thing.get("tag_name"), number,
    )  # fmt: skip
    return next((text for choice in choices if (text := _text(choice))), "")


def _summary(thing: dict[str, Any]) -> str:
    for holder in (_object(thing, "security_advisory"), thing, _object(thing, "rule"), _object(thing, "output")):
        for key in ("summary", "title", "description"):
            if text := _text(holder.get(key)):
                return text
    head = _object(thing, "head_commit").get("message")
    return _text(head).partition("\n")[0]


def _message(webhook: str, action: str, state: str, name: str, repository: str, summary: str) -> str:
    """Return a line such as ``check_run lint failure in owner/repo: 3 errors``."""
    words = [webhook, name, state or action, "in", repository]
    line = " ".join(word for word in words if word)
    return f"{line}: {summary}" if summary else line


def _scalars(thing: dict[str, Any]) -> dict[str, Any]:
    """Return the plain fields that a person may want, without the dozens of API addresses."""
    return {
        key: value[:_TEXT_MAX] if isinstance(value, str) else value
        for key, value in thing.items()
        if isinstance(value, str | int | float)
        and value != ""
        and (key in _KEPT_ANYWAY or not key.endswith(_NOT_KEPT))
        and key not in ("action", "sender", "repository")
    }


def _object(holder: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = holder.get(key)
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value[:_TEXT_MAX] if isinstance(value, str) else ""
