"""Debian packages that this machine needs to build and to run machines: which are missing, and installing them.

Owns the question and the one apt call. Leaves the list to the manifest. On a machine without apt, or without root,
the answer is what to install.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence

from fjordkube.errors import MachineError
from offline import command
from offline.manifest import HostPackage

PLACES = ":/usr/local/sbin:/usr/sbin:/sbin"
"""Where such programs lie although a user's PATH may lack it."""


def missing(packages: Sequence[HostPackage]) -> list[HostPackage]:
    """Packages whose program is not there."""
    path = os.environ.get("PATH", "") + PLACES
    return [package for package in packages if shutil.which(package.program, path=path) is None]


def ensure(packages: Sequence[HostPackage], say: Callable[[str], None]) -> None:
    """Installs what is missing. MachineError with the command to type where this user or system cannot."""
    lacking = missing(packages)
    if not lacking:
        return
    names = [package.name for package in lacking]
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise MachineError(
            f"programs missing: {', '.join(package.program for package in lacking)}; install them, "
            f"on Debian: sudo apt-get install --no-install-recommends {' '.join(names)}"
        )
    say(f"installing Debian packages: {' '.join(names)} (about half a minute)")
    log = command.log_file("host-packages")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    command.run(["apt-get", "update", "-qq"], log, env=quiet)
    words = ["apt-get", "install", "-qq", "--yes", "--no-install-recommends", *names]
    command.run(words, log, env=quiet, append=True)
    if still := [package.program for package in missing(packages)]:
        raise MachineError(f"programs missing: {', '.join(still)}, although their packages are installed; see {log}")
