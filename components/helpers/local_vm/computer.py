"""Which computer this is: one id that stays, by which the state of machines says where they are.

Owns the id and the refusal of machines that are elsewhere. The id of systemd itself is not to be shown around
(machine-id(5)), so what is kept is its keyed hash.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import re
import secrets
import tempfile
from pathlib import Path
from typing import Final

from ..errors import HelperError
from ..roots import home_root

MACHINE_ID: Final = Path("/etc/machine-id")

APPLICATION: Final = b"fjordkube: machines of source local"
"""What is hashed with the machine's id as the key; another text would be another id of every computer."""

DIGITS: Final = 16
"""Hex digits of an id."""


def here() -> str:
    """This computer's id; made once, in the home, where the system has none (a container, a first boot)."""
    try:
        text = MACHINE_ID.read_text().strip()
    except OSError:
        text = ""
    if re.fullmatch("[0-9a-f]{32}", text):
        return hmac.digest(bytes.fromhex(text), APPLICATION, "sha256").hex()[:DIGITS]
    return _kept(home_root() / "computer")


def require(name: str, computer: str) -> None:
    """Raises HelperError when machine `name` is on another computer than this one."""
    if computer != here():
        raise HelperError(
            f"{name}: is on computer {computer}, and this is {here()}; run it there, "
            "or forget the machine by pulumi state delete"
        )


def _kept(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        handle, part = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "w") as out:
            out.write(secrets.token_hex(DIGITS // 2) + "\n")
        # several helpers start at once: the first one's id is everyone's
        with contextlib.suppress(FileExistsError):
            os.link(part, path)
        os.unlink(part)
    return path.read_text().strip()
