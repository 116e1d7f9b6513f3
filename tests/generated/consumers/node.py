"""A node's file system, as the guests of source local have it: the Debian tree of the bundle, and Kubernetes' programs.

Owns laying the tree under a folder that is written to (overlayfs, in a mount namespace of its own, without a network)
and running one program there for many files. The tree in the cache is never written.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from offline import binaries, debian, manifest
from offline.rootfs import FILES

PROGRAMS = ("kubeadm", "kubelet", "kube-proxy")
LIMIT = 600
"""Seconds for a batch; usually well under one minute."""

INSIDE = """\
set -e
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
mount -t proc proc "$2/root/proc"
mount --bind /dev "$2/root/dev"
exec chroot "$2/root" /bin/sh -c '
  cd /cases
  ls | xargs -P 2 -I CASE sh -c "$1"' batch "$3"
"""


def batch(
    folder: Path, cases: Mapping[str, str], command: str, files: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Runs a shell command in /cases on each file of that name (CASE in the command); what it said, by case it refused.

    `files` are laid into the tree before, by path.
    """
    tree = debian.tree_path(manifest.load().tree("node"))
    for name in ("upper/cases", "upper/usr/local/bin", "work", "root"):
        (folder / name).mkdir(parents=True)
    for program in PROGRAMS:
        _linked(binaries.path(program), folder / "upper/usr/local/bin" / program)
    own = {f"/{path.relative_to(FILES)}": path.read_text() for path in FILES.rglob("*") if path.is_file()}
    placed = {**own, **(files or {}), **{f"/cases/{name}": text for name, text in cases.items()}}
    for path, text in placed.items():
        place = folder / "upper" / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    # a program that takes a file says nothing that counts
    whole = f"{{ {command}; }} >/tmp/CASE.said 2>&1 || touch /tmp/CASE.refused"
    words = ["unshare", "--mount", "--net", "sh", "-c", INSIDE, "node", str(tree), str(folder), whole]
    done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 0, done.stderr
    said = folder / "upper/tmp"
    assert len(list(said.glob("*.said"))) == len(cases), done.stderr
    return {file.stem: (said / f"{file.stem}.said").read_text() for file in said.glob("*.refused")}


def _linked(source: Path, target: Path) -> None:
    """The same file in another place, or a copy where that is another file system."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)
