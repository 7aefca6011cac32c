"""Files below ``grace_training/``: written whole or not at all, and never twice."""

from collections.abc import Iterable
from pathlib import Path

from grace_ray.adapters.whole_file import write_whole
from grace_ray.core.errors import StoreUnavailable


class TrainingFolder:
    """The folder that training data for people and models is kept in, by category and day."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self, categories: Iterable[str]) -> None:
        """Make the folders of the categories. Raises StoreUnavailable."""
        try:
            for category in categories:
                (self._folder / category).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnavailable(f"{self._folder} cannot be made: {error}.") from error

    def has(self, path: str) -> bool:
        """Return whether there is a file."""
        return (self._folder / path).exists()

    def write(self, path: str, content: bytes) -> None:
        """Write a file, all of it or nothing. Raises StoreUnavailable."""
        write_whole(self._folder / path, content)
