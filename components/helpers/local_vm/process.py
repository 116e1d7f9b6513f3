"""The machine's process: found by its pid file, and only if it really is this machine's QEMU.

Owns finding and ending it. A pid alone proves nothing, because numbers are used again: the process must carry this
machine's own pid file in its command line, and it is held by a pidfd while it is looked at and signalled.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def words(pid: int) -> list[str]:
    """Command line of `pid`; empty when it is gone or a zombie."""
    try:
        text = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []
    return [word.decode(errors="replace") for word in text.split(b"\0")[:-1]]


def pid_of(pid_file: Path) -> int | None:
    """The pid of the running daemon that was started with this very pid file; None if there is none."""
    try:
        pid = int(pid_file.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return pid if str(pid_file) in words(pid) else None


def give_way(pid: int, nice: int) -> bool:
    """Lowers the priority of a daemon's whole session; whether this kernel has such groups (autogroup, sched(7)).

    With them a process's own nice value counts within its session alone, and each machine is a session: a worker took
    half as much of the host as the control plane (seen: 0.5 and 0.9 of two cores).
    """
    if os.getsid(pid) == os.getsid(0):  # ours, which must not be slowed down
        return False
    try:
        Path(f"/proc/{pid}/autogroup").write_text(f"{nice}\n")
    except OSError:
        return False
    return True


@contextmanager
def held(pid_file: Path) -> Iterator[int | None]:
    """A pidfd of that daemon, or None; the number cannot come to mean another process while it is open."""
    pid = pid_of(pid_file)
    if pid is None:
        yield None
        return
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        yield None
        return
    try:
        yield handle if pid_of(pid_file) == pid else None
    finally:
        os.close(handle)


def gone(handle: int, seconds: float) -> bool:
    """Waits until the process ends; False when it still runs after `seconds`."""
    ready, _, _ = select.select([handle], [], [], seconds)
    return bool(ready)


def end(pid_file: Path, seconds: float = 10) -> None:
    """SIGTERM, then SIGKILL after `seconds`; does nothing when it does not run. Removes the pid file."""
    with held(pid_file) as handle:
        if handle is not None:
            for number in (signal.SIGTERM, signal.SIGKILL):
                try:
                    signal.pidfd_send_signal(handle, number)
                except ProcessLookupError:
                    break
                if gone(handle, seconds):
                    break
    pid_file.unlink(missing_ok=True)
