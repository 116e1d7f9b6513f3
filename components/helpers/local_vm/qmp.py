"""QMP, QEMU's control socket: the few things that are asked of it.

Owns the dialogue (greeting, capabilities, one command). Every failure means "no answer": the caller goes on without.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def ask(
    path: Path, command: str, seconds: float = 5, arguments: Mapping[str, str] | None = None
) -> dict[str, Any] | None:
    """What QEMU returns to `command`; None where it refuses, or nobody answers in time."""
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(seconds)
            link.connect(str(path))
            with link.makefile("rw") as stream:
                _read(stream)
                for name, given in (("qmp_capabilities", None), (command, arguments)):
                    stream.write(json.dumps({"execute": name, **({"arguments": given} if given else {})}) + "\n")
                    stream.flush()
                    answer = _answer(stream)
                return answer
    except (OSError, ValueError, EOFError):
        return None


def power_button(path: Path) -> bool:
    """Presses the guest's power button; True when QEMU took it."""
    return ask(path, "system_powerdown") is not None


def let_reboot(path: Path) -> bool:
    """From now on a reboot inside resets the machine and does not end QEMU; True when QEMU took it (6.0 or newer)."""
    return ask(path, "set-action", arguments={"reboot": "reset"}) is not None


def status(path: Path) -> str | None:
    """QEMU's own word for the machine's state, e.g. running, or io-error when the host's disk is full."""
    answer = ask(path, "query-status")
    return str(answer["status"]) if answer and "status" in answer else None


def _read(stream: Any) -> dict[str, Any]:
    line = stream.readline()
    if not line:
        raise EOFError
    entry: dict[str, Any] = json.loads(line)
    return entry


def _answer(stream: Any) -> dict[str, Any]:
    while True:  # events come between; bounded by the socket's time limit
        entry = _read(stream)
        if "return" in entry:
            result: dict[str, Any] = entry["return"]
            return result
        if "error" in entry:
            raise ValueError(entry["error"])
