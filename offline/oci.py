"""Container images as OCI archives of one layer, written without a registry, a daemon or root.

Owns the formats: tar layer, image configuration, index. Leaves what goes into an image to `recipes.py`.
Equal inputs give equal bytes: names are sorted, times are zero.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import struct
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

SEARCH_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CAPABILITY_ATTRIBUTE = "security.capability"
NET_BIND_SERVICE = 10
"""Number of CAP_NET_BIND_SERVICE (capabilities(7)): lets a program without root listen below port 1024."""


@dataclass(frozen=True)
class Entry:
    """One file, folder or link of a layer."""

    kind: bytes
    mode: int = 0o755
    uid: int = 0
    gid: int = 0
    source: Path | bytes = b""
    """Content of a regular file: a file's path, or the bytes."""
    link: str = ""
    capability: bytes = b""
    """Value of the extended attribute security.capability."""


def file_capability(number: int) -> bytes:
    """The attribute's value that gives a program one capability, effective and permitted (vfs_cap_data, revision 2)."""
    return struct.pack("<IIIII", 0x02000001, 1 << number, 0, 0, 0)


class Layer:
    """A file tree in the making; later entries replace earlier ones of the same path."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}

    def folder(self, path: str, mode: int = 0o755, owner: int = 0) -> None:
        """A folder; `owner` is both uid and gid."""
        self._put(path, Entry(tarfile.DIRTYPE, mode, owner, owner))

    def file(self, path: str, source: Path | bytes, mode: int = 0o644, owner: int = 0, capability: bytes = b"") -> None:
        """A regular file."""
        self._put(path, Entry(tarfile.REGTYPE, mode, owner, owner, source, capability=capability))

    def program(self, path: str, source: Path | bytes, capability: bytes = b"") -> None:
        """A file that can be run."""
        self.file(path, source, 0o755, capability=capability)

    def symlink(self, path: str, target: str) -> None:
        """A symbolic link."""
        self._put(path, Entry(tarfile.SYMTYPE, 0o777, link=target))

    def hardlink(self, path: str, target: str) -> None:
        """A second name of a file of this layer."""
        self._put(path, Entry(tarfile.LNKTYPE, link=_relative(target)))

    def remove(self, path: str) -> None:
        """Takes a path and everything below it out again."""
        name = _relative(path)
        self.entries = {p: e for p, e in self.entries.items() if p != name and not p.startswith(name + "/")}

    def own(self, path: str, user: int, group: int) -> None:
        """Gives a path and everything below it to a user and a group."""
        name = _relative(path)
        for known, entry in list(self.entries.items()):
            if known == name or known.startswith(name + "/"):
                self.entries[known] = Entry(**{**entry.__dict__, "uid": user, "gid": group})

    def tree(
        self, top: Path, at: str = "/", skip: Iterable[str] = (), mode: Callable[[str, int], int] | None = None
    ) -> None:
        """Everything below the folder `top`, owners and file capabilities kept; device nodes are left out.

        `skip` holds paths relative to `top` whose subtrees are left out. `mode` maps (relative path, mode) to the
        mode to use: zips of Go modules carry none.
        """
        skipped = {PurePosixPath(p) for p in skip}
        for folder, folders, files in os.walk(top):
            here = PurePosixPath(os.path.relpath(folder, top))
            folders[:] = sorted(name for name in folders if here / name not in skipped)
            for name in [*folders, *sorted(files)]:
                relative = here / name
                if relative not in skipped:
                    self._copy(Path(folder) / name, str(relative), f"{at}/{relative}", mode)

    def _copy(self, source: Path, relative: str, path: str, mode: Callable[[str, int], int] | None) -> None:
        facts = source.lstat()
        bits = stat.S_IMODE(facts.st_mode)
        if mode:
            bits = mode(relative, bits)
        if stat.S_ISLNK(facts.st_mode):
            entry = Entry(tarfile.SYMTYPE, 0o777, facts.st_uid, facts.st_gid, link=os.readlink(source))
        elif stat.S_ISDIR(facts.st_mode):
            entry = Entry(tarfile.DIRTYPE, bits, facts.st_uid, facts.st_gid)
        elif stat.S_ISREG(facts.st_mode):
            entry = Entry(tarfile.REGTYPE, bits, facts.st_uid, facts.st_gid, source, capability=_capability(source))
        else:
            return
        self._put(path, entry)

    def _put(self, path: str, entry: Entry) -> None:
        name = _relative(path)
        if not name:
            return
        for parent in reversed(PurePosixPath(name).parents):
            self.entries.setdefault(str(parent), Entry(tarfile.DIRTYPE))
        self.entries.pop(".", None)
        self.entries[name] = entry

    def write(self, target: Path) -> str:
        """Writes the layer as a tar file; gives its sha256 in hex."""
        with target.open("w+b") as raw:
            with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
                # hard links last: what they point at must be there
                for name in sorted(self.entries, key=lambda n: (self.entries[n].kind == tarfile.LNKTYPE, n)):
                    _add(archive, name, self.entries[name])
            raw.seek(0)
            return hashlib.file_digest(raw, "sha256").hexdigest()


def _relative(path: str) -> str:
    name = os.path.normpath(path).strip("/")
    return "" if name == "." else name


def _capability(path: Path) -> bytes:
    try:
        return os.getxattr(path, CAPABILITY_ATTRIBUTE, follow_symlinks=False)
    except OSError:
        return b""


def _add(archive: tarfile.TarFile, name: str, entry: Entry) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.uid, info.gid, info.linkname = entry.kind, entry.mode, entry.uid, entry.gid, entry.link
    if entry.capability:
        # the name under which archivers agree to carry extended attributes
        info.pax_headers = {f"SCHILY.xattr.{CAPABILITY_ATTRIBUTE}": entry.capability.decode("utf-8", "surrogateescape")}
    if entry.kind != tarfile.REGTYPE:
        archive.addfile(info)
    elif isinstance(entry.source, bytes):
        info.size = len(entry.source)
        archive.addfile(info, io.BytesIO(entry.source))
    else:
        with entry.source.open("rb") as content:
            info.size = os.fstat(content.fileno()).st_size
            archive.addfile(info, content)


@dataclass(frozen=True)
class Start:
    """How a container of the image starts."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    user: str = ""

    def config(self) -> dict[str, Any]:
        """The `config` object of an OCI image configuration."""
        fields: dict[str, Any] = {"Env": [SEARCH_PATH, *self.environment], "WorkingDir": "/"}
        if self.entrypoint:
            fields["Entrypoint"] = list(self.entrypoint)
        if self.command:
            fields["Cmd"] = list(self.command)
        if self.user:
            fields["User"] = self.user
        return fields


def write(target: Path, name: str, layer: Layer, start: Start) -> None:
    """Writes the image `name` (with tag) as an OCI archive that `ctr images import` reads."""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder, tarfile.open(target, "w") as archive:
        layer_file = Path(folder) / "layer"
        digest = f"sha256:{layer.write(layer_file)}"
        layer_blob = {
            "mediaType": "application/vnd.oci.image.layer.v1.tar",
            "digest": digest,
            "size": layer_file.stat().st_size,
        }
        _add(archive, f"blobs/sha256/{digest.partition(':')[2]}", Entry(tarfile.REGTYPE, 0o644, source=layer_file))
        platform = {"architecture": "amd64", "os": "linux"}
        config_blob = _blob(
            archive,
            "application/vnd.oci.image.config.v1+json",
            {**platform, "config": start.config(), "rootfs": {"type": "layers", "diff_ids": [digest]}},
        )
        manifest_type = "application/vnd.oci.image.manifest.v1+json"
        manifest = {"schemaVersion": 2, "mediaType": manifest_type, "config": config_blob, "layers": [layer_blob]}
        manifest_blob = _blob(archive, manifest_type, manifest)
        labels = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name.rsplit(":", 1)[-1]}
        index = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [{**manifest_blob, "platform": platform, "annotations": labels}],
        }
        _add(archive, "index.json", Entry(tarfile.REGTYPE, 0o644, source=_json(index)))
        _add(archive, "oci-layout", Entry(tarfile.REGTYPE, 0o644, source=_json({"imageLayoutVersion": "1.0.0"})))


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _blob(archive: tarfile.TarFile, media_type: str, value: Mapping[str, Any]) -> dict[str, Any]:
    data = _json(value)
    digest = hashlib.sha256(data).hexdigest()
    _add(archive, f"blobs/sha256/{digest}", Entry(tarfile.REGTYPE, 0o644, source=data))
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}
