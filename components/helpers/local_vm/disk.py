"""The machine's folder: disks, keys, ports, seed. Outlives every power cycle; deleted with the machine.

Owns what is in the folder except the running process. Growing a disk is noted here and done by `power`, which alone
knows that the machine is stopped.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import Any

from ..errors import HelperError
from . import image, keys, places, ports, power, record, seed
from .image import VmImage
from .locks import lock_of, locked
from .places import Files
from .record import Made
from .spec import GIB, Disk
from .tool import run


def create(spec: Disk) -> dict[str, Any]:
    """Makes what is missing; changes what differs. Returns ports and the host key's public line.

    Raises HelperError, or OSError with the path (a full disk).
    """
    at = spec.files
    found = image.find(spec.image)
    _check(spec, found)
    with locked(lock_of(at.directory)):
        at.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        host_key = keys.make(at.host_key, spec.name)
        client_key = keys.make(keys.client(at.directory.parent), "fjordkube")
    before = record.read_made(at.directory)
    for source, target in ((found.kernel, at.kernel), (found.initrd, at.initrd), (found.disk, at.base)):
        _keep(source, target)
    if not at.root.exists():
        _root_disk(at, spec.disk_gib)
    if spec.etcd_disk_gib and not at.etcd.exists():
        _etcd_disk(at.etcd, spec.etcd_disk_gib)
    content = seed.archive(spec, at.host_key.read_text(), host_key + "\n", client_key + "\n")
    record.write(at.seed, content)
    claims = places.claims()
    with locked(claims.with_name(claims.name + ".lock")):
        chosen = _ports(spec, at, before)
        made = Made(spec.generation, spec.disk_gib, spec.etcd_disk_gib, chosen)
        record.write_made(at.directory, made)
        ports.claim(claims, at.directory, chosen)
    return {"host_key": host_key, "ports": chosen}


def delete(spec: Disk) -> None:
    """Removes everything of this machine, its process first; with the last machine the stack's own files too."""
    at = spec.files
    power.stop(at, grace=0)
    stack = at.directory.parent
    if at.directory.exists():
        # machine.json first: without it the machine counts as never made, however far the removal comes
        (at.directory / "machine.json").unlink(missing_ok=True)
        shutil.rmtree(at.directory)
    claims = places.claims()
    with locked(claims.with_name(claims.name + ".lock")):
        ports.claim(claims, at.directory, {})
    lock = lock_of(at.directory)
    with locked(lock):
        power.release_switch(at)
        if stack.is_dir() and all(entry.name == keys.CLIENT_FOLDER for entry in stack.iterdir()):
            shutil.rmtree(stack)
        if not stack.is_dir():
            lock.unlink()
    if not stack.is_dir():
        with contextlib.suppress(OSError):  # other stacks are there
            stack.parent.rmdir()


def _check(spec: Disk, found: VmImage) -> None:
    least = -(-found.disk.stat().st_size // GIB)
    if spec.disk_gib < least:
        raise HelperError(f"disk_gib {spec.disk_gib} is smaller than the base disk; use {least} or more")


def _ports(spec: Disk, at: Files, before: Made | None) -> dict[str, int]:
    owned = ports.owners(places.claims())
    mine = set(before.ports.values()) if before else set()
    for use, port in spec.ports.items():
        holder = owned.get(port) if port else None
        if holder is not None and holder != at.directory:
            raise HelperError(
                f"port {port} ({use}) is held by the machine in {holder}; pin another, or delete that machine"
            )

    def taken(port: int) -> bool:
        return owned.get(port, at.directory) != at.directory or (port not in mine and ports.in_use(port))

    kept = before.ports if before else {}
    return ports.choose(spec.ports, kept, taken, str(at.directory))


def _keep(source: Path, target: Path) -> None:
    """A hard link: the machine keeps its base when the cache is emptied, and no byte is copied."""
    if target.exists():
        return
    target.unlink(missing_ok=True)  # a link whose target is gone
    try:
        os.link(source, target)
    except OSError:  # the cache is on another filesystem, or this one has no hard links
        target.symlink_to(source)


def _root_disk(at: Files, gib: int) -> None:
    part = at.root.with_name(f".{at.root.name}.part")
    words = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", at.base.name, "-F", "raw", str(part), f"{gib}G"]
    run(words, at.root)
    part.replace(at.root)


def _etcd_disk(path: Path, gib: int) -> None:
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with part.open("wb") as out:
        out.truncate(gib * GIB)
    # Sparse: inode tables are written by the guest when it first needs them.
    run(
        ["mke2fs", "-q", "-F", "-t", "ext4", "-L", "etcd", "-E", "lazy_itable_init=1,lazy_journal_init=1", str(part)],
        path,
    )
    part.replace(path)
