"""A program that makes or changes a file: qemu-img, mke2fs and its relatives.

Owns running one and the message when it fails. Leaves which, and on what, to disk.py and power.py.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from ..errors import HelperError


def run(words: list[str], path: Path, good: tuple[int, ...] = (0,)) -> str:
    """Runs a tool that works on `path`; returns its stdout. Raises HelperError with its last words."""
    environment = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}  # mke2fs is there
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, env=environment
        )
    except FileNotFoundError:
        raise HelperError(f"{words[0]}: not in PATH; run make doctor for what to install") from None
    if done.returncode not in good:
        raise HelperError(f"{path}: {words[0]} failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout
