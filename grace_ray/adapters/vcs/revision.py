"""Which revision a git checkout stands at, read from its files: no git program, no hooks, no network."""

import re
from dataclasses import dataclass
from pathlib import Path

_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_CREDENTIALS = re.compile(r"(?<=://)[^/@]*@")
_URL = re.compile(r"^\s*url\s*=\s*(\S+)", re.MULTILINE)
_REMOTE = re.compile(r'\[remote "origin"\]([^\[]*)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A git checkout: its root, the commit, the branch (empty when detached) and the origin without credentials."""

    root: Path
    commit: str
    branch: str = ""
    origin: str = ""


def checkout_of(folder: Path) -> Checkout | None:
    """Return the checkout that a folder is part of, None where it is part of none or has no commit yet."""
    for root in (folder, *folder.parents):
        git = _git_dir(root)
        if git is not None:
            return _read(root, git)
    return None


def _git_dir(root: Path) -> Path | None:
    """Return the git directory; a worktree or submodule has a file that names it."""
    git = root / ".git"
    if git.is_dir():
        return git
    text = _text(git)
    return (root / text.removeprefix("gitdir:").strip()).resolve() if text.startswith("gitdir:") else None


def _read(root: Path, git: Path) -> Checkout | None:
    common = _text(git / "commondir").strip()
    shared = (git / common).resolve() if common else git
    head = _text(git / "HEAD").strip()
    ref = head.removeprefix("ref:").strip() if head.startswith("ref:") else ""
    commit = _resolve(ref, git, shared) if ref else head
    if not _SHA.fullmatch(commit):
        return None
    remote = _REMOTE.search(_text(shared / "config"))
    url = _URL.search(remote.group(1)) if remote else None
    origin = _CREDENTIALS.sub("", url.group(1)) if url else ""
    return Checkout(root=root, commit=commit, branch=ref.removeprefix("refs/heads/"), origin=origin)


def _resolve(ref: str, git: Path, shared: Path) -> str:
    for place in (git, shared):
        loose = _text(place / ref).strip()
        if loose:
            return loose
    for line in _text(shared / "packed-refs").splitlines():
        commit, _, name = line.partition(" ")
        if name == ref:
            return commit
    return ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
