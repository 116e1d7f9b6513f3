"""One build at a time in one cache: the second waits and says for whom."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SAY_EVERY = 30.0
"""Seconds between two words to a person who waits."""


@contextmanager
def held(path: Path, say: Callable[[str], None]) -> Iterator[bool]:
    """Holds the lock file; gives True if it had to be waited for. The kernel frees it when the holder ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        waited, said = False, time.monotonic() - 2 * SAY_EVERY
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                waited = True
            if time.monotonic() - said > SAY_EVERY:
                file.seek(0)
                say(f"another build holds {path} ({file.read().strip() or 'holder unknown'}); waiting for it")
                said = time.monotonic()
            time.sleep(0.5)
        file.truncate(0)
        file.write(f"pid {os.getpid()}, since {time.strftime('%H:%M:%S')}")
        file.flush()
        try:
            yield waited
        finally:
            file.truncate(0)
