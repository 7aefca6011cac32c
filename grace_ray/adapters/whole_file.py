"""A file written whole or not at all, whatever interrupts."""

import contextlib
import os
from pathlib import Path

from grace_ray.core.errors import StoreUnavailable


def write_whole(path: Path, content: bytes) -> None:
    """Write a file through a temporary one beside it: a reader sees all of it. Raises StoreUnavailable."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise StoreUnavailable(f"{path} cannot be written: {error}.") from error
