"""Programs run by the build: output to a log file, an end with the build, a failure that shows the log's tail."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from fjordkube.errors import FjordkubeError
from fjordkube.roots import cache_root

TAIL_LINES = 15
_running: set[subprocess.Popen[bytes]] = set()
_guard = threading.Lock()
_cancelled = threading.Event()


class BuildError(FjordkubeError):
    """A step of the offline build failed; the message carries the end of its log and where the rest is."""


def log_file(name: str) -> Path:
    """Where a step's output goes."""
    return cache_root() / "logs" / f"{name}.log"


def run(
    arguments: Sequence[str | Path],
    log: Path,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    append: bool = False,
) -> None:
    """Runs a program to its end with all output in `log`; `env` is added to ours. BuildError if it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab" if append else "wb") as file:
        with _guard:  # a cancel comes before the start or finds the program: never between the two
            check()
            process = subprocess.Popen(
                [str(a) for a in arguments],
                cwd=cwd,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # its own group, so that its children end with it
            )
            _running.add(process)
        try:
            code = process.wait()
        finally:
            with _guard:
                _running.discard(process)
            if process.poll() is None:
                end(process)
    if code:
        tail = log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        shown = "\n".join(f"    {line}" for line in tail)
        raise BuildError(f"{arguments[0]} ended with {code}; the end of {log}:\n{shown}")


def output(arguments: Sequence[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """The standard output of a short program; BuildError with its standard error if it fails."""
    done = subprocess.run(
        [str(a) for a in arguments],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BuildError(f"{' '.join(map(str, arguments))} ended with {done.returncode}:\n{done.stderr.strip()}")
    return done.stdout


def bytes_of(arguments: Sequence[str | Path]) -> bytes:
    """The standard output of a short program as bytes; BuildError with its standard error if it fails."""
    done = subprocess.run([str(a) for a in arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        words = " ".join(map(str, arguments))
        raise BuildError(f"{words} ended with {done.returncode}: {done.stderr.decode().strip()}")
    return done.stdout


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a program of ours and its children: politely, after 5 s not."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
            process.wait(timeout=5)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def check() -> None:
    """BuildError when the build was cancelled: for steps that run no program and would not be ended with it."""
    if _cancelled.is_set():
        raise BuildError("the build was cancelled")


def cancel() -> None:
    """Ends every program that this build still runs and starts no more."""
    with _guard:
        _cancelled.set()
        processes = list(_running)
    for process in processes:
        end(process)
