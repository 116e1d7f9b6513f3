"""How the relay is started by a local command, and what makes Pulumi start it again.

Owns the command's text and the digests of the program's own source. Leaves the environment to whoever starts it:
bootstrap/relayed.py for nodes, checks/gate.py for gates.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

FOLDER = Path(__file__).resolve().parent
CHECKOUT = FOLDER.parent.parent

Part = Literal["membership", "gates", "survey"]


def command(verb: str) -> str:
    """The command line of a verb, to be run in the checkout; exec: a cancelled run ends the program itself."""
    return f"exec python3 -I {FOLDER.relative_to(CHECKOUT)} {verb}"


def digest(part: Part) -> str:
    """Of the source that a part's verbs run; hex. Gates and the survey stand in folders of their own: editing them
    joins nobody."""
    files = [*FOLDER.glob("*.py"), *(FOLDER.glob(f"{part}/*.py") if part != "membership" else ())]
    found = hashlib.sha256()
    for file in sorted(files):
        found.update(f"{file.relative_to(FOLDER)}\n".encode() + file.read_bytes())
    return found.hexdigest()
