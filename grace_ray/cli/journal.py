"""grace journal: read it, check that nobody has changed it, prove single entries, take it along.

``list`` asks the runtime; ``verify``, ``prove`` and ``export`` read the store of this home, whether Grace runs or not.
What ``prove`` and ``export`` wrote, ``verify FILE`` checks by itself, on any machine.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from grace_ray.cli.connection import connect
from grace_ray.cli.evidence import Verdict, check_file, proof_in_words, public_key
from grace_ray.cli.options import Home, Json, Limit, Url
from grace_ray.cli.printing import age, print_json, print_table, say
from grace_ray.core.errors import InvalidInput, NotFound
from grace_ray.core.fact import KINDS
from grace_ray.core.store import EntryFilter, Reader
from grace_ray.settings import Settings, load

app = typer.Typer()
EXIT_TAMPERED = 1
Key = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="A public key kept elsewhere")]


@app.command("list")
def list_entries(
    after: Annotated[int | None, typer.Option(min=0, help="Go on after this seq")] = None,
    limit: Limit = 50,
    kind: Annotated[str | None, typer.Option(help="event, finding, decision, mission, knowledge, ...")] = None,
    source: Annotated[str | None, typer.Option(help="Only from this source")] = None,
    type: Annotated[str | None, typer.Option(help="Only this type, such as mission.created")] = None,  # noqa: A002
    subject: Annotated[str | None, typer.Option(help="Only about this, such as a cluster key")] = None,
    text: Annotated[str | None, typer.Option("--text", "-q", help="A piece of the body")] = None,
    is_newest_first: Annotated[bool, typer.Option("--newest", help="Newest first")] = False,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """List entries in order."""
    grace, items = connect(home, url), list[dict[str, Any]]()
    following = after
    while len(items) < limit:  # a page of a search may hold few entries, or none, and still not be the last
        found = grace.journal(
            after=following,
            limit=limit - len(items),
            kind=kind,
            source=source,
            type=type,
            subject=subject,
            q=text,
            order="desc" if is_newest_first else "asc",
        )
        items += found.items
        following = None if found.next is None else int(found.next)
        if following is None:
            break
    page: dict[str, Any] = {"items": items, "next": following}
    if as_json:
        print_json(page)
        return
    rows = [(e["seq"], age(e["at"]), e["kind"], e["type"], e["source"], _gist(e)) for e in page["items"]]
    print_table(("seq", "at", "kind", "type", "source", "about"), rows, nothing="No entries.")
    if page["next"]:
        typer.echo(f"More: --after {page['next']}")


def _gist(entry: dict[str, Any]) -> str:
    """Return what an entry is about: its first words, else its subject."""
    body = entry["body"] or {}
    said = next((str(body[name]) for name in ("message", "reason", "why", "description") if body.get(name)), "")
    return said if entry["subject"] in said else f"{entry['subject']}: {said}" if said else entry["subject"]


@app.command()
def verify(
    file: Annotated[Path | None, typer.Argument(help="What export or prove --json wrote; - for standard input")] = None,
    key: Key = None,
    checkpoints: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Checkpoints kept elsewhere")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Check every entry, the tree and the checkpoints; exit 1 at the first bad entry, naming it.

    With FILE: check that export, or that proof, by itself, without a journal.
    """
    settings = load(home=home)
    if file is not None:
        _say(check_file(file, settings.home, key), as_json=as_json)
        return
    from grace_ray.prove.checkpoints import CHECKPOINTS_FILE, read_checkpoints
    from grace_ray.prove.verify import verify as verify_journal
    from grace_ray.wiring import open_reader

    signed = read_checkpoints(settings.home / CHECKPOINTS_FILE) + (read_checkpoints(checkpoints) if checkpoints else [])
    with _store(settings) as reader, _progress("Verifying", reader.head(), is_shown=not as_json) as on_progress:
        report = verify_journal(
            reader,
            public_key(settings.home, key),
            signed,
            open_reader=partial(open_reader, settings),
            on_progress=on_progress,
        )
    _say(Verdict.of_report(report), as_json=as_json)


@app.command()
def prove(
    seq: Annotated[int, typer.Argument(min=1, help="The entry")],
    tree_size: Annotated[int | None, typer.Option(min=1, help="In the tree of so many entries")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Prove that an entry stands on the journal. Kept with --json, it is checked by: grace journal verify FILE."""
    from grace_ray.prove.proofs import inclusion, inclusion_flaw

    settings = load(home=home)
    with _store(settings) as reader:
        proof = inclusion(reader, seq, tree_size)
    flaw = inclusion_flaw(proof, public_key(settings.home, None))
    if as_json:
        print_json({**proof, "holds": not flaw})
    else:
        say(proof_in_words(proof, flaw))
        for step in proof["path"]:
            typer.echo(f"  {step}")
    if flaw:
        raise typer.Exit(EXIT_TAMPERED)


@app.command()
def export(
    out: Annotated[Path | None, typer.Option("--out", "-o", help="A file; default: standard output")] = None,
    after: Annotated[int, typer.Option(min=0, help="Only entries after this seq")] = 0,
    kind: Annotated[list[str] | None, typer.Option(help="Only this kind; repeatable")] = None,
    source: Annotated[str, typer.Option(help="Only from this source")] = "",
    type: Annotated[str, typer.Option(help="Only this type")] = "",  # noqa: A002
    home: Home = None,
) -> None:
    """Write the journal, or a part, as lines of JSON that can be checked anywhere: grace journal verify FILE."""
    from grace_ray.prove.export import export as write

    if strange := set(kind or ()) - KINDS:
        raise typer.BadParameter(f"--kind is one of {', '.join(sorted(KINDS))}, not {', '.join(sorted(strange))}")
    lowest = after + 1 if after else 0
    where = EntryFilter(kinds=frozenset(kind or ()), source=source, type=type, lowest=lowest)
    with (
        _store(load(home=home)) as reader,
        _destination(out) as file,
        _progress("Exporting", reader.head(), is_shown=out is not None) as on_progress,
    ):
        written = write(reader, file, where, on_progress)
    if out is not None:
        typer.echo(f"{written} entries in {out}. Check them anywhere: grace journal verify {out} --key journal.pub")


def _say(verdict: Verdict, *, as_json: bool) -> None:
    if as_json:
        print_json({**verdict.plain, "sound": verdict.is_sound})
    else:
        say(verdict.sentence)
        if verdict.doubt:
            typer.echo(verdict.doubt, err=True)
    if not verdict.is_sound:
        raise typer.Exit(EXIT_TAMPERED)


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
def _destination(out: Path | None) -> Iterator[BinaryIO]:
    """Give standard output, or a file that takes its name only when it is whole."""
    if out is None:
        yield sys.stdout.buffer
        return
    draft = out.with_name(f".{out.name}.part")
    try:
        with draft.open("wb") as file:
            yield file
        draft.replace(out)
    except OSError as error:
        raise InvalidInput(f"{out} cannot be written: {error.strerror}.", "out") from error
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
