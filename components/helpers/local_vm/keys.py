"""SSH keys: the machine's host key and the stack's client key, each made once by ssh-keygen and kept.

Owns the files, 0600, never printed. The host key's public line is what Pulumi pins.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from ..errors import HelperError

CLIENT_FOLDER = ".ssh"
"""In the stack's folder beside its machines; no node can have this name (not a DNS label)."""


def client(stack: Path) -> Path:
    """Private key with which the stack's machines are entered."""
    return stack / CLIENT_FOLDER / "id_ed25519"


def make(path: Path, comment: str) -> str:
    """Makes the ed25519 pair at `path` unless it is there; returns the public line, without the comment."""
    public = path.with_name(path.name + ".pub")
    if not (path.exists() and public.exists()):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.unlink(missing_ok=True)
        public.unlink(missing_ok=True)
        part = path.with_name(f".{path.name}.part")
        for leftover in (part, part.with_name(part.name + ".pub")):
            leftover.unlink(missing_ok=True)
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(part)]
        done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
        if done.returncode:
            raise HelperError(f"{path}: ssh-keygen failed: {done.stderr.strip() or done.stdout.strip()}")
        part.with_name(part.name + ".pub").replace(public)
        part.replace(path)  # last: the private key's presence means that the pair is whole
    return " ".join(public.read_text().split()[:2])
