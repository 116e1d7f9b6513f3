"""Locks between processes: a file that is locked while something is done and may be removed afterwards."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from . import folders


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds `path` exclusively; waits for whoever holds it (all holders are bounded). Released when a holder dies.

    Whoever holds the lock may unlink the file, and the folders that are empty then: a waiter sees that its file is no
    longer the one at `path` and opens a new one, so removal never splits the lock in two. Raises OSError when there
    can be no such file.
    """
    while True:
        handle = folders.kept(lambda: _open(path))
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if _is_at(handle, path):
                yield
                return
        finally:
            os.close(handle)


def _open(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _is_at(handle: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(handle)
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)


def lock_of(directory: Path) -> Path:
    """Lock of the stack that the machine in `directory` belongs to."""
    stack = directory.parent
    return stack.with_name(f".{stack.name}.lock")
