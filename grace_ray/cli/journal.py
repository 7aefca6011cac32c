"""grace journal: read it, check that nobody has changed it, prove single entries, take it along.

``list`` asks the runtime; ``verify``, ``prove`` and ``export`` read the store of this home, whether Grace runs or not.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from grace_ray.cli.connection import connect
from grace_ray.cli.options import Home, Json, Limit, Url
from grace_ray.cli.printing import print_json, print_table
from grace_ray.core.errors import InvalidInput, NotFound
from grace_ray.core.store import Reader
from grace_ray.settings import Settings, load

app = typer.Typer()
EXIT_TAMPERED = 1
PAGE = 1000


@app.command("list")
def list_entries(
    after: Annotated[int | None, typer.Option(min=0, help="Go on after this seq")] = None,
    limit: Limit = 50,
    kind: Annotated[str | None, typer.Option(help="event, finding, decision, mission, knowledge, ...")] = None,
    source: Annotated[str | None, typer.Option()] = None,
    type: Annotated[str | None, typer.Option()] = None,  # noqa: A002
    subject: Annotated[str | None, typer.Option()] = None,
    text: Annotated[str | None, typer.Option("--text", "-q", help="A piece of the body")] = None,
    is_newest_first: Annotated[bool, typer.Option("--newest", help="Newest first")] = False,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """List entries in order."""
    found = connect(home, url).journal(
        after=after,
        limit=limit,
        kind=kind,
        source=source,
        type=type,
        subject=subject,
        q=text,
        order="desc" if is_newest_first else "asc",
    )
    page: dict[str, Any] = {"items": found.items, "next": found.next}
    if as_json:
        print_json(page)
        return
    rows = [(e["seq"], e["at"], e["kind"], e["type"], e["source"], e["subject"]) for e in page["items"]]
    print_table(("seq", "at", "kind", "type", "source", "subject"), rows, nothing="No entries.")
    if page["next"]:
        typer.echo(f"More: --after {page['next']}")


@app.command()
def verify(
    key: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="A public key kept elsewhere")] = None,
    checkpoints: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Checkpoints kept elsewhere")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Check every entry, the tree and the checkpoints; exit 1 at the first bad entry, naming it."""
    from grace_ray.core.jsonable import to_plain
    from grace_ray.prove.checkpoints import CHECKPOINTS_FILE, read_checkpoints
    from grace_ray.prove.verify import verify as verify_journal
    from grace_ray.wiring import open_reader

    settings = load(home=home)
    signed = read_checkpoints(settings.home / CHECKPOINTS_FILE) + (read_checkpoints(checkpoints) if checkpoints else [])
    with _store(settings) as reader, _progress("Verifying", reader.head(), is_shown=not as_json) as on_progress:
        report = verify_journal(
            reader,
            _public_key(settings.home, key),
            signed,
            open_reader=partial(open_reader, settings),
            on_progress=on_progress,
        )
    flaw = report.flaw
    if as_json:
        print_json({**to_plain(report), "sound": report.is_sound})
    elif flaw is None:
        typer.echo(f"{report.entries} entries, {report.checkpoints} checkpoints: all sound. Root {report.root}")
    else:
        typer.echo(f"{report.entries} entries. Entry {flaw.seq}{f' ({flaw.id})' if flaw.id else ''}: {flaw.what}.")
    if flaw is not None:
        raise typer.Exit(EXIT_TAMPERED)


@app.command()
def prove(
    seq: Annotated[int, typer.Argument(min=1, help="The entry")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Prove that an entry stands on the journal, and check the proof."""
    from grace_ray.prove import merkle

    with _store(load(home=home)) as reader:
        size = reader.head()
        found = reader.entries(seq - 1, 1)
        if not found or found[0].seq != seq:
            raise NotFound(f"The journal has no entry {seq}; its last one is {size}.", "seq")
        path = merkle.inclusion_proof(seq - 1, size, reader.tile)
        root = merkle.root(size, reader.tile)
    entry = found[0]
    is_proven = merkle.is_included(seq - 1, size, entry.leaf_hash(), path, root)
    proof = {
        "seq": seq,
        "leaf": entry.leaf().decode(),
        "leaf_hash": entry.leaf_hash().hex(),
        "tree_size": size,
        "root": root.hex(),
        "path": [step.hex() for step in path],
        "holds": is_proven,
    }
    if as_json:
        print_json(proof)
    else:
        verdict = "stands on the journal" if is_proven else "is NOT the one that the tree was made over"
        typer.echo(f"Entry {seq} ({entry.type}, {entry.id}) {verdict} of {size} entries, root {root.hex()}.")
        for step in path:
            typer.echo(f"  {step.hex()}")
    if not is_proven:
        raise typer.Exit(EXIT_TAMPERED)


@app.command()
def export(
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="A file; default: standard output")] = None,
    after: Annotated[int, typer.Option(min=0, help="Only entries after this seq")] = 0,
    home: Home = None,
) -> None:
    """Write every entry as a line of JSON, in order."""
    with _store(load(home=home)) as reader, _destination(out) as file:
        head = reader.head()
        with _progress("Exporting", max(0, head - after), is_shown=out is not None) as on_progress:
            written = _write_entries(reader, after, head, file, on_progress)
    if out is not None:
        typer.echo(f"{written} entries in {out}.")


def _write_entries(reader: Reader, after: int, head: int, file: IO[str], on_progress: Any) -> int:
    written = 0
    while after < head:
        entries = reader.entries(after, min(PAGE, head - after))
        if not entries:
            break
        file.writelines(json.dumps(entry.view(), ensure_ascii=False) + "\n" for entry in entries)
        written += len(entries)
        after = entries[-1].seq
        on_progress(written)
    return written


@contextmanager
def _store(settings: Settings) -> Iterator[Reader]:
    from grace_ray.wiring import open_reader

    if not settings.database_url and not (settings.home / "grace.db").exists():
        raise NotFound(f"There is no journal in {settings.home}.", "home")
    reader = open_reader(settings)
    try:
        yield reader
    finally:
        reader.close()


@contextmanager
def _destination(out: Path | None) -> Iterator[IO[str]]:
    """Give standard output, or a file that takes its name only when it is whole."""
    if out is None:
        yield sys.stdout
        return
    draft = out.with_name(f".{out.name}.part")
    try:
        with draft.open("w", encoding="utf-8") as file:
            yield file
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _progress(what: str, total: int, *, is_shown: bool) -> Iterator[Any]:
    if not is_shown or not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)


def _public_key(home: Path, given: Path | None) -> Any:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from grace_ray.prove.checkpoints import KEY_FILE, Notary

    if given is None:
        return Notary(home).public_key() if (home / KEY_FILE).exists() else None
    try:
        key = serialization.load_pem_public_key(given.read_bytes())
    except ValueError as error:
        raise InvalidInput(f"{given} holds no public key: {error}", "key") from error
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidInput(f"{given} holds no Ed25519 key.", "key")
    return key
