"""A private SSH key that the user names: whether it can be used, and what it holds.

Owns the refusals and reading, for every source that is given a key instead of making one. Leaves keys that are made
here to `local/machine/keys.py`. The text of a private key appears in no message.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from fjordkube.roots import project_root

OTHERS: Final = 0o077
"""Rights of group and world; ssh refuses a key with any of them."""

LARGEST: Final = 65536
"""Bytes; an RSA key of 16384 bits has 13 kB."""


def problem(path: str) -> str | None:
    """Why the private key at `path` cannot be used, as `state; fix`; None when it can."""
    file = expanded(path)
    try:
        found = file.stat()
    except FileNotFoundError:
        return f"{path} is missing; make one by: ssh-keygen -t ed25519 -N '' -f {path}, or name the key you have"
    except OSError as error:
        return f"{path} is not readable ({error.strerror}); run: chmod u+rx on its folders"
    if stat.S_ISDIR(found.st_mode):
        return f"{path} is a folder; name the private key in it, e.g. {path.rstrip('/')}/id_ed25519"
    if not stat.S_ISREG(found.st_mode):
        return f"{path} is not a file; name the file of a private key"
    if not os.access(file, os.R_OK):
        return f"{path} is not readable by this user; run: chown $USER {path} && chmod 600 {path}"
    if found.st_mode & OTHERS:
        readers = f"mode {stat.S_IMODE(found.st_mode):04o}"
        return f"{path} can be read by others ({readers}), so that ssh refuses it; run: chmod 600 {path}"
    if found.st_size > LARGEST:
        return f"{path} is not a private key; name the file without .pub, e.g. ~/.ssh/id_ed25519"
    return unusable(path, file.read_bytes())


def private(path: str) -> str:
    """The private key's text. Secret. Call it once `problem` has nothing to say."""
    return expanded(path).read_text()


def public_line(private_key: bytes) -> str:
    """The public line of a private key's text, e.g. "ssh-ed25519 AAAA...": no .pub file need be there."""
    line: bytes = _load(private_key).public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return line.decode()


def expanded(path: str) -> Path:
    """The file: `~` is this user's home, a relative path starts in the project's folder."""
    return project_root() / Path(path).expanduser()


def unusable(path: str, content: bytes) -> str | None:
    """Why this text is no private key that can be used, as `state; fix`; None when it is. `path`: its name in both."""
    try:
        public_line(content)
    except TypeError:  # cryptography's way to say that a passphrase is needed
        return (
            f"{path} has a passphrase, which is not supported; name a key without one, made for this alone by: "
            "ssh-keygen -t ed25519 -N '' -f ~/.ssh/fjordkube"
        )
    except (ValueError, UnsupportedAlgorithm):
        if content.startswith((b"ssh-", b"ecdsa-", b"sk-")):
            return f"{path} is a public key; name the private one, {path.removesuffix('.pub')}"
        return (
            f"{path} is not a private key that can be used; name an ed25519, ECDSA or RSA key, e.g. ~/.ssh/id_ed25519"
        )
    return None


def _load(content: bytes) -> Any:
    if b"-----BEGIN OPENSSH PRIVATE KEY-----" in content:
        return load_ssh_private_key(content, password=None)
    return load_pem_private_key(content, password=None)
