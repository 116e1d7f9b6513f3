"""The stack's layer 2: one vde switch with Unix sockets, private to this user.

Owns starting it with the first machine and ending it with the last. It is no Pulumi resource: after a host reboot
it has to be there again before any machine, and whoever starts first knows that best.
"""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import time
from pathlib import Path

from ..errors import HelperError
from . import folders, process
from .locks import locked

PORTS = 256
"""Machines that fit on one switch."""

START_S = 30
"""Seconds until a started switch has to run; measured: a few milliseconds, with both cores busy."""


def folder(sockets: Path) -> None:
    """Makes the folder of the sockets, 0700. HelperError where it belongs to somebody else (it lies under /tmp)."""
    sockets.parent.parent.mkdir(parents=True, exist_ok=True)
    folders.kept(lambda: _make(sockets))


def _make(sockets: Path) -> None:
    for path in (sockets.parent, sockets):
        path.mkdir(mode=0o700, exist_ok=True)  # not `parents`: they would be open to all
        state = path.lstat()
        if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid() or state.st_mode & 0o077:
            raise HelperError(
                f"{path}: not a folder of this user alone; remove it, or set TMPDIR to a folder of your own"
            )


def running(sockets: Path) -> bool:
    """True when the stack's switch runs."""
    return process.pid_of(_pid_file(sockets)) is not None


def start(sockets: Path) -> bool:
    """Starts the switch unless it runs; True when it was started now, so machines that ran before lost theirs."""
    with locked(sockets / "lock"):
        if running(sockets):
            return False
        at = sockets / "switch"
        if at.is_dir():  # sockets of a switch that was killed
            for leftover in at.iterdir():
                leftover.unlink()
            at.rmdir()
        pid_file = _pid_file(sockets)
        pid_file.unlink(missing_ok=True)
        words = ["vde_switch", "-s", str(at), "-m", "600", "-n", str(PORTS), "-f", os.devnull]
        words += ["-d", "-p", str(pid_file)]
        try:
            done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=START_S)
        except FileNotFoundError:
            raise HelperError("vde_switch: not in PATH; install the package vde2") from None
        if done.returncode:
            raise HelperError(f"vde_switch: did not start: {done.stderr.strip()}")
        _await(sockets)
        return True


def stop(sockets: Path) -> None:
    """Ends the switch and removes its sockets and their folder; does nothing when there is none."""
    if not sockets.is_dir():
        return
    with locked(sockets / "lock"):
        process.end(_pid_file(sockets))
        for path in sorted(sockets.rglob("*"), reverse=True):
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink(missing_ok=True)
        sockets.rmdir()
    with contextlib.suppress(OSError):  # another stack's sockets are there
        sockets.parent.rmdir()


def _await(sockets: Path) -> None:
    # the daemon writes its pid file after its parent has ended; whoever asks in between would start a second switch
    end = time.monotonic() + START_S
    while not running(sockets):
        if time.monotonic() > end:
            raise HelperError(f"vde_switch: not running {START_S} s after its start, by {_pid_file(sockets)}")
        time.sleep(0.002)


def _pid_file(sockets: Path) -> Path:
    return sockets / "switch.pid"
