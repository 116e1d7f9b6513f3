"""One run at a time for a machine: a run that was killed may have left the vendor's command behind, still ordering.

Owns the lock's file. The vendor's command holds it as well, so that it ends with the last of the two. Runs on other
computers are kept apart by Pulumi's own lock on the state.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ..errors import HelperError
from ..log import log

POLL = 0.5
"""Seconds between two tries."""


@contextlib.contextmanager
def turn(name: str, command: str, patience: float) -> Iterator[int]:
    """The open lock of that name at that vendor, held for the block. HelperError after `patience` seconds."""
    digest = hashlib.sha256(f"{command} {name}".encode()).hexdigest()[:16]
    handle = os.open(_folder() / digest, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _wait(handle, name, patience)
        try:
            yield handle
        finally:
            # For all who have the file open: what a call has started and left behind must not hold up the next run.
            fcntl.flock(handle, fcntl.LOCK_UN)
    finally:
        os.close(handle)


def _wait(handle: int, name: str, patience: float) -> None:
    begun, told = time.monotonic(), False
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            pass
        if time.monotonic() - begun > patience:
            fix = "look for the vendor's command among the processes, end it, and run this again"
            raise HelperError(f"{name}: another run has worked on it for {patience:.0f} s; {fix}")
        if not told:
            log(f"{name}: another run is not done with it yet; waiting")
            told = True
        time.sleep(POLL)


def _folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f"fjordkube-{os.getuid()}-vendor"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise HelperError(f"{folder}: belongs to another user; remove it, or set TMPDIR to a folder of your own")
    return folder
