"""Where things lie on the machine that runs Pulumi: caches, state and sockets.

Owns the three roots and their environment overrides. Leaves what is put under them to the callers. The program has them
as `fjordkube.roots`; they are here because helpers look for them too, each time they run: no state holds a path.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
"""The folder that holds Pulumi.yaml; of the installed package, the one that it is installed into."""


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
    """What must not be lost: Pulumi state, disks, host keys. A checkout's own; of the installed package, the user's."""
    override = os.environ.get("FJORDKUBE_HOME")
    if override:
        return Path(override)
    if (CHECKOUT / "Pulumi.yaml").exists():
        return CHECKOUT / ".fjordkube"
    # an installed package's folder is emptied when it is installed anew
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "fjordkube"


def runtime_root() -> Path:
    """Unix sockets of this home; short, because a socket path ends at 108 bytes (unix(7))."""
    digest = hashlib.sha256(str(home_root().resolve()).encode()).hexdigest()[:8]
    return Path(tempfile.gettempdir()) / f"fjordkube-{os.getuid()}-{digest}"
