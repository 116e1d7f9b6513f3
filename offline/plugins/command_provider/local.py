"""command:local:Command: a child process on this machine.

Owns starting, feeding and ending the child with its descendants. Leaves what the command is to the caller.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from .output import CommandFailed, Output, Stream

DEFAULT_INTERPRETER = ("/bin/sh", "-c")
CHUNK = 64 * 1024
GRACE = 5.0
"""Seconds a cancelled command has to end after SIGTERM, before SIGKILL."""


class LocalRunner:
    """Runs commands and can end all that still run."""

    def __init__(self) -> None:
        self._children: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, inputs: Mapping[str, Any], command: str, environment: Mapping[str, str], output: Output) -> None:
        """Run to the end; raise CommandFailed with the exit status if it is not 0."""
        argv: Sequence[str] = [*(inputs.get("interpreter") or DEFAULT_INTERPRETER), command]
        text = inputs.get("stdin") or ""
        with self._lock:
            if self._stopped:
                raise CommandFailed("cancelled before it started")
            try:
                child = subprocess.Popen(
                    argv,
                    stdin=subprocess.PIPE if text else subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    cwd=inputs.get("dir") or None,
                    env={**os.environ, **environment},
                    start_new_session=True,
                )
            except OSError as error:
                raise CommandFailed(str(error)) from error
            self._children.add(child)
        try:
            pumps = [threading.Thread(target=_pump, args=(child, name, output)) for name in ("stdout", "stderr")]
            for pump in pumps:
                pump.start()
            if child.stdin:
                # A command that reads no input may have closed it.
                with contextlib.suppress(BrokenPipeError), child.stdin:
                    child.stdin.write(text.encode())
            for pump in pumps:
                pump.join()
            status = child.wait()
        finally:
            with self._lock:
                self._children.discard(child)
        if status < 0:
            raise CommandFailed(f"signal: {signal.Signals(-status).name}{' (cancelled)' if self._stopped else ''}")
        if status:
            raise CommandFailed(f"exit status {status}")

    def stop(self) -> None:
        """End every command with its descendants, and start no more."""
        with self._lock:
            self._stopped = True
            children = list(self._children)
        for child in children:
            _signal(child, signal.SIGTERM)
        for child in children:
            try:
                child.wait(GRACE)
            except subprocess.TimeoutExpired:
                _signal(child, signal.SIGKILL)


def _pump(child: subprocess.Popen[bytes], name: Stream, output: Output) -> None:
    pipe = getattr(child, name)
    while data := pipe.read1(CHUNK):
        output.feed(name, data)
    output.feed(name, b"", last=True)


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """To the whole group: the child leads a session of its own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)
