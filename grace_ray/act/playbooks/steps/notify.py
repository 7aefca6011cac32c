"""Tell people: a message to the webhook of the settings (Slack-compatible), and to the journal either way."""

from pydantic import Field

from grace_ray.act.playbooks.step import Arguments, Lasting, StepFailed, StepTime, World
from grace_ray.core.canonical import canonical


class NotifyArguments(Arguments):
    """What to say."""

    message: str = Field(min_length=1, max_length=4000)


class Notify(Lasting):
    """Without a webhook the message stands on the journal, as this step's outcome, where console and CLI show it."""

    arguments = NotifyArguments

    def plan(self, arguments: NotifyArguments, world: World) -> str:
        """Say to whom."""
        to = world.settings.notify_url or "the journal alone (playbooks.notify_url is empty)"
        return f"Tell {to}: {arguments.message}"

    def run(self, arguments: NotifyArguments, world: World, time: StepTime) -> str:
        """Send it."""
        url = world.settings.notify_url
        if not url:
            return f"On the journal alone (playbooks.notify_url is empty): {arguments.message}"
        headers = {"Content-Type": "application/json", "Idempotency-Key": world.run_id}
        status, text = world.http.send("POST", url, canonical({"text": arguments.message}), headers, time.left())
        if not 200 <= status < 300:
            raise StepFailed(f"The webhook answered {status}: {text[:300]}")
        return f"Told people: {arguments.message}"
