"""The seed: a tar that the guest's first unit unpacks over its root before network and SSH start.

Owns its content: name, address, host key, who may log in. Pure: bytes in, bytes out; same input, same bytes.
Leaves acting on it to the guest (`offline/guest`).
"""

from __future__ import annotations

import io
import tarfile

from .spec import Disk


def network(spec: Disk) -> str:
    """Text of /etc/fjordkube/network.env."""
    return (
        f"ADDRESS={spec.address}\nPREFIX_LENGTH={spec.prefix_length}\n"
        f"INTERFACE={spec.interface}\nEMULATED={int(spec.emulated)}\n"
    )


def archive(spec: Disk, host_key: str, host_key_public: str, authorized: str) -> bytes:
    """The seed's bytes. `host_key` is private: the file that holds the seed must be 0600."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        _file(tar, "etc/hostname", spec.name + "\n", 0o644)
        _folder(tar, "etc/fjordkube", 0o755)
        _file(tar, "etc/fjordkube/network.env", network(spec), 0o644)
        _file(tar, "etc/ssh/ssh_host_ed25519_key", host_key, 0o600)
        _file(tar, "etc/ssh/ssh_host_ed25519_key.pub", host_key_public, 0o644)
        _folder(tar, "root/.ssh", 0o700)
        _file(tar, "root/.ssh/authorized_keys", authorized, 0o600)
    return buffer.getvalue()


def _file(tar: tarfile.TarFile, path: str, text: str, mode: int) -> None:
    data = text.encode()
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(data), mode
    tar.addfile(entry, io.BytesIO(data))


def _folder(tar: tarfile.TarFile, path: str, mode: int) -> None:
    entry = tarfile.TarInfo(path)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    tar.addfile(entry)
