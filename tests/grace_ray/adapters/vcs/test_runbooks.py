"""Runbook folders and git checkouts on the disk."""

import os
import shutil
import subprocess

import pytest

from grace_ray.adapters.vcs.revision import checkout_of
from grace_ray.adapters.vcs.runbooks import BATCH, RunbookFolders


@pytest.fixture
def folder(tmp_path):
    books = tmp_path / "books"
    (books / "etcd").mkdir(parents=True)
    (books / "etcd" / "EtcdSlow.md").write_text("# EtcdSlow\n\nUse fast disks.\n")
    (books / "notes.txt").write_text("Plain words.")
    (books / "image.png").write_bytes(b"\x89PNG")
    (books / ".git-ignored.md").write_text("hidden")
    (books / "empty.md").write_text("\n")
    return books


def sources(batches):
    return sorted(document.title for batch in batches for document in batch)


def test_texts_are_read_with_where_they_are(folder):
    (batch,) = RunbookFolders([str(folder)], 10_000).changed()
    by_title = {document.title: document for document in batch}
    assert set(by_title) == {"EtcdSlow", "notes"}
    etcd = by_title["EtcdSlow"]
    assert (etcd.origin, etcd.topic, etcd.media_type) == ("runbook", "etcd", "text/markdown")
    assert etcd.source == str(folder / "etcd" / "EtcdSlow.md")
    assert etcd.meta["path"] == "etcd/EtcdSlow.md"
    assert len(etcd.meta["sha256"]) == 64
    assert by_title["notes"].media_type == "text/plain"


def test_only_what_changed_is_read_again(folder):
    books = RunbookFolders([folder], 10_000)
    assert sources(books.changed()) == ["EtcdSlow", "notes"]
    assert list(books.changed()) == []
    os.utime(folder / "notes.txt", (1, 1))
    assert list(books.changed()) == []
    (folder / "notes.txt").write_text("Other words.")
    assert sources(books.changed()) == ["notes"]


def test_a_batch_whose_taker_failed_comes_again(folder):
    books = RunbookFolders([folder], 10_000)
    assert next(books.changed())
    assert sources(books.changed()) == ["EtcdSlow", "notes"]
    for number in range(BATCH + 1):
        (folder / f"r{number:03}.md").write_text(f"Runbook {number}")
    batches = books.changed()
    assert len(next(batches)) == BATCH
    assert len(next(batches)) == 1
    batches.close()
    assert sources(books.changed()) == ["r050"]


def test_what_is_gone_is_named_but_a_missing_folder_takes_nothing_along(folder, tmp_path):
    books = RunbookFolders([folder], 10_000)
    known = [document.source for batch in books.changed() for document in batch]
    (folder / "notes.txt").unlink()
    assert books.gone([*known, "https://example.org/x", "/elsewhere/a.md"]) == [str(folder / "notes.txt")]
    shutil.rmtree(folder)
    assert books.gone(known) == []
    assert list(books.changed()) == []
    assert "does not exist" in books.faults[0]


def test_huge_files_and_links_out_of_the_folder_are_left_out(folder, tmp_path):
    (tmp_path / "secret.md").write_text("secret")
    (folder / "link.md").symlink_to(tmp_path / "secret.md")
    (folder / "huge.md").write_text("x" * 20_000)
    books = RunbookFolders([folder], 10_000)
    assert sources(books.changed()) == ["EtcdSlow", "notes"]
    assert any("huge.md has 20000 bytes" in fault for fault in books.faults)


def git(folder, *words):
    who = ("-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    return subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_a_git_checkout_gives_its_revision(folder):
    if shutil.which("git") is None:
        pytest.skip("git is not installed: no checkout to read.")
    git(folder, "init", "-q", "-b", "main")
    assert checkout_of(folder) is None
    git(folder, "remote", "add", "origin", "https://user:secret@git.example.org/ops/books.git")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "books")
    commit = git(folder, "rev-parse", "HEAD")
    found = checkout_of(folder / "etcd")
    assert (found.commit, found.branch) == (commit, "main")
    assert found.origin == "https://git.example.org/ops/books.git"
    (batch,) = RunbookFolders([folder / "etcd"], 10_000).changed()
    assert batch[0].meta["revision"] == commit
    assert batch[0].learned_from == f"https://git.example.org/ops/books.git at {commit[:12]}"
    git(folder, "pack-refs", "--all")
    assert checkout_of(folder).commit == commit
    git(folder, "checkout", "-q", "--detach")
    assert (checkout_of(folder).commit, checkout_of(folder).branch) == (commit, "")
    git(folder, "worktree", "add", "-q", str(folder.parent / "tree"), "-b", "side")
    assert checkout_of(folder.parent / "tree").branch == "side"
    assert checkout_of(folder.parent / "tree").commit == commit
