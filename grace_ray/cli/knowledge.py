"""grace knowledge: documents in, answers with their source out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from grace_ray.cli.connection import connect
from grace_ray.cli.options import Home, Json, Url
from grace_ray.cli.printing import print_json, say
from grace_ray.core.document import Document
from grace_ray.core.errors import InvalidInput
from grace_ray.core.jsonable import to_plain

app = typer.Typer()
SUFFIXES = (".md", ".markdown", ".txt", ".rst")
BATCH_MAX_BYTES = 4 * 2**20
BATCH_MAX = 200


@app.command()
def add(
    paths: Annotated[list[Path], typer.Argument(exists=True, help="Files, or folders of Markdown and text")],
    topic: Annotated[str, typer.Option(help="What they are about, in a word or two")] = "",
    origin: Annotated[str, typer.Option(help="runbook, operator or upload")] = "runbook",
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Add documents; the same document twice is one document."""
    runtime = connect(home, url)
    total = {"added": 0, "unchanged": 0}
    for documents in _batches(_documents(paths, topic, origin)):
        answer = runtime.add_documents(documents)
        total = {name: total[name] + answer[name] for name in total}
    if as_json:
        print_json(total)
    else:
        typer.echo(f"{total['added']} added, {total['unchanged']} unchanged.")


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="A question, or an alert's text")],
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="How many")] = 5,
    origin: Annotated[list[str] | None, typer.Option(help="Only from there; repeatable")] = None,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Search what Grace knows."""
    found = to_plain({"items": connect(home, url).search(query, k=k, origins=origin or ())})
    if as_json:
        print_json(found)
        return
    if not found["items"]:
        typer.echo("Nothing is known of that yet. Give Grace your runbooks: grace knowledge add FOLDER")
    for place, hit in enumerate(found["items"], 1):
        heading = " > ".join(part for part in (hit["title"], hit["heading"]) if part)
        say(f"{place}. {heading} ({hit['score']:.2f}, {hit['source']})")
        for line in hit["text"].strip().splitlines()[:8]:
            say(f"     {line}")


@app.command()
def stats(home: Home = None, url: Url = None, as_json: Json = False) -> None:
    """Show how much is known."""
    answer = connect(home, url).knowledge_stats()
    if as_json:
        print_json(answer)
        return
    for name, value in answer.items():
        typer.echo(f"{name:<18} {value}")


def _documents(paths: list[Path], topic: str, origin: str) -> Iterator[Document]:
    for path in paths:
        files = sorted(found for found in path.rglob("*") if found.suffix in SUFFIXES) if path.is_dir() else [path]
        for file in files:
            yield Document(source=str(file.resolve()), title=_title(file), text=_text(file), origin=origin, topic=topic)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{file} is not UTF-8 text.", "paths") from error


def _title(file: Path) -> str:
    with file.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith("# "):
                return line[2:].strip()
    return file.stem


def _batches(documents: Iterator[Document]) -> Iterator[list[Document]]:
    batch: list[Document] = []
    size = 0
    for document in documents:
        length = len(document.text)
        if batch and (size + length > BATCH_MAX_BYTES or len(batch) == BATCH_MAX):
            yield batch
            batch, size = [], 0
        batch.append(document)
        size += length
    if batch:
        yield batch
