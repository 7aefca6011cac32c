"""The main text of a fetched page, as Markdown: navigation, adverts and scripts left out."""

import re
from html import unescape

from grace_ray.core.ports import Page

_TITLE = re.compile(rb"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_FORMATTED_MAX = 512 * 1024


def main_text(page: Page) -> str:
    """Return a page's main text; empty where there is none. HTML by trafilatura, plain text and Markdown as it is."""
    if page.media_type not in {"text/html", "application/xhtml+xml"}:
        return decoded(page)
    import trafilatura

    text = trafilatura.extract(
        page.body,
        url=page.url,
        output_format="markdown",
        include_formatting=len(page.body) <= _FORMATTED_MAX,
        include_comments=False,
        deduplicate=False,
    )
    return text or ""


def title_of(page: Page) -> str:
    """Return the title of an HTML page, empty where there is none."""
    found = _TITLE.search(page.body[:65536])
    return " ".join(unescape(_decode(found.group(1), page.charset)).split())[:300] if found else ""


def decoded(page: Page) -> str:
    """Return the body as text in the encoding named, wrong bytes replaced."""
    return _decode(page.body, page.charset)


def _decode(body: bytes, charset: str) -> str:
    try:
        return body.decode(charset or "utf-8", errors="replace")
    except LookupError:
        return body.decode("utf-8", errors="replace")
