"""Follow a log file through rotation and truncation; a checkpoint makes a restart go on where it was.

``poll`` gives the lines that came; ``commit`` says that they are safe where they were sent. Lines that were polled and
not committed come again after a restart, with the same position, so that events made of them have the same ids.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Literal, NamedTuple

import orjson

from grace_ray.core.errors import InvalidInput, Unreachable

_HEAD_BYTES = 256
_PACKED = frozenset({".gz", ".xz", ".zst", ".bz2", ".zip"})


class Position(NamedTuple):
    """A place in a file: ``inode``, ``generation`` (counts truncations of that file) and ``offset`` in bytes."""

    inode: int
    generation: int
    offset: int


class Line(NamedTuple):
    """One line without its end: its text, where it begins, and where the next one does."""

    text: str
    start: Position
    end: Position


class _Head(NamedTuple):
    """How a file begins, to tell it from another that got the same inode: so many bytes, and their hash."""

    size: int
    digest: str


class Tail:
    """Follows ``path``; ``checkpoint`` is the file that remembers how far ``commit`` has come.

    Without a checkpoint it starts at the ``begin`` or the ``end`` of the file. A line longer than ``line_max`` bytes
    comes in pieces. A last line without its end waits, until the end comes or the file is rotated away.
    """

    def __init__(
        self,
        path: Path,
        checkpoint: Path,
        start: Literal["begin", "end"] = "end",
        *,
        poll_bytes: int = 1 << 20,
        line_max: int = 1 << 16,
    ) -> None:
        self._path = path
        self._checkpoint = checkpoint
        self._start = start
        self._poll_bytes = max(poll_bytes, line_max + 1)
        self._line_max = line_max
        self._file: IO[bytes] | None = None
        self._at = Position(0, 0, 0)
        self._first = b""  # how the file at hand began when it was read

    def poll(self) -> list[Line]:
        """Return the lines that came since the last call, at most ``poll_bytes`` of them; none while there is no file.

        Raises Unreachable where the file cannot be read.
        """
        try:
            if self._file is None and not self._open():
                return []
            while True:
                if self._is_rewritten():
                    self._use(self._path, Position(0, self._at.generation + 1, 0))
                lines = self._read(is_last=False)
                if lines or not self._is_replaced():
                    return lines
                rest = self._read(is_last=True)
                self._open_next()
                if rest:
                    return rest
        except OSError as error:
            raise Unreachable(f"The file {self._path} cannot be read: {error.strerror}.", "path") from error

    def follow(self, sleep: Callable[[float], None], interval_s: float = 0.5) -> Iterator[list[Line]]:
        """Yield what every poll brings, for ever: an empty list, after a sleep, where nothing came."""
        while True:
            lines = self.poll()
            yield lines
            if not lines:
                sleep(interval_s)

    def commit(self, upto: Position) -> None:
        """Remember that all lines before ``upto`` (the ``end`` of the last one) are safe."""
        head = self._head_of(upto)
        state = orjson.dumps({"at": list(upto), "head": list(head)})
        fresh = self._checkpoint.with_name(self._checkpoint.name + ".new")
        self._checkpoint.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as file:
            file.write(state)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._checkpoint)

    def close(self) -> None:
        """Close the file; ``poll`` would open it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> bool:
        """Open the file where the checkpoint says, be it rotated away meanwhile; False while there is none."""
        saved = self._saved()
        if saved is None:
            is_open = self._use_current(0, 0, at_end=self._start == "end")
            if is_open:
                self.commit(self._at)  # so that a crash before the first commit starts here again
            return is_open
        at, head = saved
        for path in self._chain():
            if path.stat().st_ino == at.inode and _head(path, head.size) == head:
                is_cut = path.stat().st_size < at.offset
                self._use(path, Position(at.inode, at.generation + 1, 0) if is_cut else at)
                return True
        # The file that was read is gone, or another is in its place: all of what is here is new.
        return self._use_current(0, at.generation + 1, at_end=False)

    def _use_current(self, offset: int, generation: int, *, at_end: bool) -> bool:
        if not self._path.exists():
            return False
        self._use(self._path, Position(0, generation, self._path.stat().st_size if at_end else offset))
        return True

    def _use(self, path: Path, at: Position) -> None:
        self.close()
        self._file = path.open("rb")
        self._at = at._replace(inode=os.fstat(self._file.fileno()).st_ino)
        self._first = os.pread(self._file.fileno(), min(at.offset, _HEAD_BYTES), 0)

    def _read(self, *, is_last: bool) -> list[Line]:
        """Return the complete lines after the position; ``is_last``: also what stands there without an end."""
        if self._file is None:
            return []
        self._file.seek(self._at.offset)
        octets = self._file.read(self._poll_bytes)
        lines: list[Line] = []
        start = 0
        while start < len(octets):
            end = octets.find(b"\n", start, start + self._line_max + 1) + 1
            if end == 0 and len(octets) - start > self._line_max:
                end = start + self._line_max
            elif end == 0:
                if not is_last:
                    break
                end = len(octets)
            lines.append(self._line(octets[start:end], start, end))
            start = end
        if self._at.offset < _HEAD_BYTES:
            self._first = (self._first + octets[:start])[:_HEAD_BYTES]
        self._at = self._at._replace(offset=self._at.offset + start)
        return lines

    def _line(self, octets: bytes, start: int, end: int) -> Line:
        text = octets.rstrip(b"\r\n").decode(errors="replace").replace("\0", "")
        offset = self._at.offset
        return Line(text, self._at._replace(offset=offset + start), self._at._replace(offset=offset + end))

    def _is_rewritten(self) -> bool:
        """Return whether the file at hand was cut short, or does not begin as it did (copytruncate)."""
        if self._file is None or not self._is_current():
            return False
        mine = self._file.fileno()
        return os.fstat(mine).st_size < self._at.offset or os.pread(mine, len(self._first), 0) != self._first

    def _is_replaced(self) -> bool:
        """Return whether the name stands for another file now."""
        return self._path.exists() and not self._is_current()

    def _is_current(self) -> bool:
        if self._file is None or not self._path.exists():
            return False
        return self._path.stat().st_ino == os.fstat(self._file.fileno()).st_ino

    def _open_next(self) -> None:
        """Go on with the file that came after the one at hand: one rotated away meanwhile, or the current one."""
        if self._file is None:
            return
        mine = os.fstat(self._file.fileno())
        chain = self._chain()
        inodes = [path.stat().st_ino for path in chain]
        if mine.st_ino in inodes:
            later = chain[inodes.index(mine.st_ino) + 1 :]
        else:
            later = [path for path in chain if path.stat().st_mtime_ns > mine.st_mtime_ns]
        self._use((later or [self._path])[0], Position(0, 0, 0))

    def _chain(self) -> list[Path]:
        """Return the files that this one was renamed to (app.log.2, app.log.1, app.log-20260131) and itself, in order.

        That is the order of their last writes; within the resolution of that clock, the higher number is older.
        """
        names = (path for path in self._path.parent.glob(f"{self._path.name}[.-]*") if path.is_file())
        ours = {self._checkpoint.name, self._checkpoint.name + ".new"}
        plain = [path for path in names if path.suffix not in _PACKED and path.name not in ours]
        plain.sort(key=lambda path: (path.stat().st_mtime_ns, -_number(path)))
        return [*plain, self._path] if self._path.exists() else plain

    def _saved(self) -> tuple[Position, _Head] | None:
        if not self._checkpoint.exists():
            return None
        try:
            saved = orjson.loads(self._checkpoint.read_bytes())
            return Position(*map(int, saved["at"])), _Head(int(saved["head"][0]), str(saved["head"][1]))
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise InvalidInput(f"The checkpoint {self._checkpoint} is damaged; remove it.", "checkpoint") from error

    def _head_of(self, at: Position) -> _Head:
        """Return how the file at hand begins, as far as it was read up to ``at``."""
        if self._at.inode == at.inode and self._at.generation == at.generation:
            octets = self._first[: at.offset]
            return _Head(len(octets), hashlib.sha256(octets).hexdigest())
        path = next((path for path in self._chain() if path.stat().st_ino == at.inode), None)
        return _head(path, min(at.offset, _HEAD_BYTES)) if path else _Head(0, "")


def _number(path: Path) -> int:
    digits = path.suffix.removeprefix(".")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 6 else 0


def _head(path: Path, size: int) -> _Head:
    with path.open("rb") as file:
        octets = file.read(size)
    return _Head(len(octets), hashlib.sha256(octets).hexdigest())
