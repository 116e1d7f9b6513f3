"""The bash text that a node runs: header, library, quoted values, files, script bodies. Pure.

Owns the text. Leaves what the scripts do to `components/scripts/`, and running it to remote.py. Values and files here
are not secret: they show in diffs.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SCRIPTS = Path(__file__).parent / "scripts"


@dataclass(frozen=True)
class File:
    """A text file to lay down on a node."""

    text: str
    mode: str = "0644"


def script(name: str) -> str:
    """The text of components/scripts/`name`.sh."""
    return _read(SCRIPTS / f"{name}.sh")


@cache
def _read(path: Path) -> str:
    # once for all nodes
    return path.read_text()


def shell(scripts: Sequence[str], values: Mapping[str, str], files: Mapping[str, File | str] | None = None) -> str:
    """One bash text: header, library, assignments, files, then the scripts in order.

    Values are quoted; a file is written only where its content differs (lib.sh write_file).
    """
    parts = ["set -euo pipefail", script("lib")]
    parts += [f"{key}={shlex.quote(value)}" for key, value in sorted(values.items())]
    for path, entry in sorted((files or {}).items()):
        file = entry if isinstance(entry, File) else File(entry)
        mark = "EOF_" + hashlib.sha256(file.text.encode()).hexdigest()[:8]
        body = file.text if file.text.endswith("\n") else file.text + "\n"
        parts.append(f"write_file {shlex.quote(path)} {file.mode} <<'{mark}'\n{body}{mark}")
    parts += [script(name) for name in scripts]
    return "\n".join(part.rstrip("\n") for part in parts) + "\n"


def by_bash(text: str, sudo: bool = False) -> str:
    """The bash text for any login shell, and for a user who becomes root by `sudo -n`.

    A here-document, so that process lists and sudo's log hold `bash -s` and not the text; a function, so that bash has
    read all of it before any command in it could read the rest as its own input.
    """
    mark = "EOF_" + hashlib.sha256(text.encode()).hexdigest()[:8]
    body = text if text.endswith("\n") else text + "\n"
    bash = "sudo -n bash -s" if sudo else "bash -s"
    return f"exec {bash} <<'{mark}'\nfjordkube() {{\n{body}}}\nfjordkube </dev/null\n{mark}\n"
