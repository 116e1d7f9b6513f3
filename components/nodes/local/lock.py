"""One run at a time for a stack: whoever comes second waits, or is told who is first.

Owns `<home>/<stack>.lock`. The kernel releases it when its holder dies, however it dies, so there is nothing to clean.
Pulumi's own file backend locks too, but only around its own steps and with files that a killed run leaves behind.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from fjordkube.errors import FjordkubeError
from fjordkube.roots import home_root

POLL_SECONDS = 0.5


class StackBusy(FjordkubeError):
    """Another run works on the same stack in this checkout."""


def path(stack: str) -> Path:
    """The lock's file."""
    return home_root() / f"{stack}.lock"


@contextlib.contextmanager
def hold(stack: str, wait: bool = False, say: Callable[[str], None] | None = None) -> Iterator[None]:
    """Holds the stack for the block. Raises StackBusy when another run holds it, or waits for that one's end.

    `say` gets the sentence about who is waited for, once; default: stderr.
    """
    target = path(stack)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Not inherited: a machine's QEMU, begun by this run, outlives it and would hold the stack for ever. An engine whose
    # run was killed keeps Pulumi's own lock on the stack.
    handle = os.open(target, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _acquire(handle, stack, wait, say or (lambda text: print(text, file=sys.stderr, flush=True)))
        note = json.dumps({"pid": os.getpid(), "since": time.strftime("%Y-%m-%d %H:%M:%S")})
        os.ftruncate(handle, 0)
        os.pwrite(handle, note.encode(), 0)
        yield
    finally:
        os.close(handle)


def _acquire(handle: int, stack: str, wait: bool, say: Callable[[str], None]) -> None:
    told = False
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            sentence = _who(handle, stack)
        if not wait:
            raise StackBusy(f"{sentence}; wait for its end, or end it")
        if not told:
            say(f"{sentence}; waiting for its end (Ctrl-C to give up)")
            told = True
        time.sleep(POLL_SECONDS)  # as long as the other run takes: the user sees who, and can leave


def _who(handle: int, stack: str) -> str:
    try:
        note = json.loads(os.pread(handle, 4096, 0))
        return f"stack {stack}: another run holds it (process {note['pid']}, since {note['since']})"
    except (ValueError, KeyError, TypeError):  # it has the lock and has not written its note yet
        return f"stack {stack}: another run holds it"
