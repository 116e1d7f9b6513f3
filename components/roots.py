"""Where things lie on the machine that runs Pulumi: caches, per-checkout state and sockets.

Owns the three roots and their environment overrides. Leaves what is put under them to the callers.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
"""The folder that holds Pulumi.yaml."""


def project_root() -> Path:
    """Where relative paths of a stack file start: the project's folder, in which the engine runs the program."""
    return Path.cwd()


def cache_root() -> Path:
    """What can be rebuilt and is shared by all checkouts: toolchain, bundles, Go caches."""
    override = os.environ.get("FJORDKUBE_CACHE")
    if override:
        return Path(override)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fjordkube"


def home_root() -> Path:
    """What belongs to this checkout and must not be lost: Pulumi state, disks, host keys."""
    return Path(os.environ.get("FJORDKUBE_HOME") or CHECKOUT / ".fjordkube")


def runtime_root() -> Path:
    """Unix sockets of this checkout; short, because a socket path ends at 108 bytes (unix(7))."""
    digest = hashlib.sha256(str(home_root().resolve()).encode()).hexdigest()[:8]
    return Path(tempfile.gettempdir()) / f"fjordkube-{os.getuid()}-{digest}"
