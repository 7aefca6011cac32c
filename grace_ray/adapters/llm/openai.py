"""Any OpenAI-compatible chat endpoint, through the ``openai`` package, which is imported when first asked."""

from typing import TYPE_CHECKING

from grace_ray.core.errors import RateLimited, Refused, Unreachable
from grace_ray.settings import LlmSettings

if TYPE_CHECKING:
    from openai import OpenAI

_RETRIES = 1
_DEFAULT_URL = "https://api.openai.com/v1"


def is_configured(settings: LlmSettings) -> bool:
    """Whether a language model is named: by an endpoint or a key, and by its model."""
    return bool(settings.model and (settings.base_url or settings.api_key.get_secret_value()))


class OpenAIModel:
    """One model at one endpoint; temperature 0, so that the same question gets (nearly) the same answer."""

    def __init__(self, settings: LlmSettings) -> None:
        self._settings = settings
        self._client: OpenAI | None = None

    def complete(self, system: str, prompt: str, max_tokens: int = 512) -> str:
        """Return the model's answer. Raises Unreachable, RateLimited, Refused (key, model or request not accepted)."""
        import openai

        try:
            answer = self._open().chat.completions.create(
                model=self._settings.model,
                messages=[{"role": "system", "content": system}, {"role": "user", "content": prompt}],
                max_tokens=max_tokens,
                temperature=0.0,
            )
        except openai.RateLimitError as error:
            after = error.response.headers.get("retry-after", "")
            wait_s = float(after) if after.isdigit() else 60.0
            raise RateLimited("The language model asks us to wait.", "llm", wait_s) from error
        except openai.APITimeoutError as error:
            limit_s = self._settings.timeout_s
            raise Unreachable(f"The language model did not answer within {limit_s:.0f} s.", "llm") from error
        except openai.APIConnectionError as error:
            raise Unreachable("The language model cannot be reached.", "llm.base_url") from error
        except openai.APIStatusError as error:
            if error.status_code >= 500:
                raise Unreachable(f"The language model answered {error.status_code}.", "llm") from error
            raise Refused(f"The language model refused the request (status {error.status_code}).", "llm") from error
        except openai.OpenAIError as error:
            raise Unreachable(f"The language model's answer cannot be read: {error}.", "llm") from error
        text = answer.choices[0].message.content if answer.choices else None
        if not text:
            raise Unreachable("The language model answered nothing.", "llm")
        return text

    def _open(self) -> "OpenAI":
        if self._client is None:
            from openai import OpenAI

            settings = self._settings
            self._client = OpenAI(
                base_url=settings.base_url or _DEFAULT_URL,
                api_key=settings.api_key.get_secret_value() or "none",
                timeout=settings.timeout_s,
                max_retries=_RETRIES,
            )
        return self._client
