"""Runbook folders: the Markdown in them as documents, read again only when a file's content has changed."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from grace_ray.adapters.vcs.revision import Checkout, checkout_of
from grace_ray.core.document import Document

SUFFIXES = frozenset({".md", ".markdown", ".mdx", ".txt", ".rst"})
FILES_MAX = 20_000
BATCH = 50


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file as it was: modification time (ns), size, SHA-256 of its bytes."""

    mtime_ns: int
    size: int
    digest: str


class RunbookFolders:
    """Reads folders or git checkouts; hidden files and folders, links out of the folder and huge files are left out.

    ``faults`` says what could not be read at the last scan: a folder that is missing, a file that is too large.
    """

    def __init__(self, folders: Sequence[str | Path], size_max: int) -> None:
        self._folders = [Path(folder).expanduser().absolute() for folder in folders]
        self._size_max = size_max
        self._seen: dict[Path, _Seen] = {}
        self.faults: list[str] = []

    def changed(self) -> Iterator[list[Document]]:
        """Yield new and changed runbooks in batches of BATCH.

        A batch counts as taken when the next one is asked for: one whose taker failed comes again at the next scan.
        """
        self.faults = []
        for folder in self._folders:
            if not folder.is_dir():
                self.faults.append(f"The runbook folder {folder} does not exist.")
                continue
            checkout = checkout_of(folder)
            batch: list[tuple[Path, _Seen, Document]] = []
            for path in self._files(folder):
                found = self._read(path, folder, checkout)
                if found is not None:
                    batch.append((path, *found))
                if len(batch) == BATCH:
                    yield [document for _, _, document in batch]
                    self._take(batch)
                    batch = []
            if batch:
                yield [document for _, _, document in batch]
                self._take(batch)

    def gone(self, sources: Iterable[str]) -> list[str]:
        """Return those of the known sources that lay in one of the folders and are no longer there.

        A folder that is missing as a whole (not mounted, perhaps) takes nothing with it.
        """
        here = [folder for folder in self._folders if folder.is_dir()]
        return [
            source
            for source in sources
            if any(Path(source).is_relative_to(folder) for folder in here) and not Path(source).is_file()
        ]

    def _take(self, batch: Iterable[tuple[Path, _Seen, Document]]) -> None:
        self._seen.update((path, seen) for path, seen, _ in batch)

    def _files(self, folder: Path) -> Iterator[Path]:
        count = 0
        for place, folders, names in os.walk(folder):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                path = Path(place, name)
                if name.startswith(".") or path.suffix.lower() not in SUFFIXES or not _is_within(path, folder):
                    continue
                count += 1
                if count > FILES_MAX:
                    self.faults.append(f"{folder} has more than {FILES_MAX} runbooks; the rest is left out.")
                    return
                yield path

    def _read(self, path: Path, folder: Path, checkout: Checkout | None) -> tuple[_Seen, Document] | None:
        """Return a file that is new or changed; one that was only touched is looked at and left."""
        before = self._seen.get(path)
        try:
            stat = path.stat()
            if before and (before.mtime_ns, before.size) == (stat.st_mtime_ns, stat.st_size):
                return None
            if stat.st_size > self._size_max:
                self.faults.append(f"{path} has {stat.st_size} bytes, more than {self._size_max}; it is left out.")
                return None
            body = path.read_bytes()
        except OSError as error:
            self.faults.append(f"{path} cannot be read: {error.strerror}.")
            return None
        seen = _Seen(stat.st_mtime_ns, stat.st_size, hashlib.sha256(body).hexdigest())
        text = body.decode("utf-8", errors="replace")
        if not text.strip() or (before and before.digest == seen.digest):
            self._seen[path] = seen
            return None
        return seen, _document(path, folder, checkout, text, seen.digest)


def _document(path: Path, folder: Path, checkout: Checkout | None, text: str, digest: str) -> Document:
    is_markdown = path.suffix.lower() in {".md", ".markdown", ".mdx"}
    meta = {"path": path.relative_to(folder).as_posix(), "sha256": digest}
    learned_from = f"runbooks in {folder}"
    if checkout is not None:
        meta |= {"revision": checkout.commit, "branch": checkout.branch, "origin": checkout.origin}
        learned_from = f"{checkout.origin or checkout.root} at {checkout.commit[:12]}"
    return Document(
        source=str(path),
        title=path.stem if path.stem not in {"_index", "index", "README"} else path.parent.name,
        text=text,
        origin="runbook",
        topic=path.parent.name if path.parent != folder else folder.name,
        learned_from=learned_from,
        confidence=1.0,
        media_type="text/markdown" if is_markdown else "text/plain",
        meta=meta,
    )


def _is_within(path: Path, folder: Path) -> bool:
    """Whether a file, links followed, lies in the folder: a link does not lead out of it."""
    return not path.is_symlink() or path.resolve().is_relative_to(folder.resolve())
