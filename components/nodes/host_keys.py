"""SSH host keys of machines that a provider makes: derived from one secret seed, so that they are known beforehand.

Owns the seed and the derivation. The key goes into a new machine by cloud-init and its public line is pinned, so that
no connection is ever trusted on first use. Leaves machines that make their own keys to `local/`, and keys of machines
that were there before to `existing/`.

Whoever has the seed can be any of the stack's machines. It is in no state and in no log; keep it as you keep the
stack's passphrase, and give the same one to every checkout that runs the stack.
"""

from __future__ import annotations

import base64
import os
import secrets
import struct
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pulumi.runtime.config import get_config, is_config_secret

from fjordkube.errors import MachineError
from fjordkube.roots import home_root

CONFIG: Final = "fjordkube:hostKeySeed"
"""The stack's configuration that holds a shared seed."""

SHORTEST: Final = 32
"""Characters of a seed: public keys are public, and a short seed could be found from one by trying."""

ALGORITHM: Final = b"ssh-ed25519"


@dataclass(frozen=True)
class HostKey:
    """One machine's Ed25519 key pair."""

    public: str
    """Public line without a comment, e.g. "ssh-ed25519 AAAA..."."""
    private: str = field(repr=False)
    """Secret. The private key as OpenSSH writes it; ends with a newline."""


def derive(seed: str, stack: str, node: str) -> HostKey:
    """The host key of node `node` in stack `stack`: the same for the same seed, another for any other name."""
    info = f"fjordkube host key {stack}/{node}".encode()
    raw = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(seed.encode())
    public = Ed25519PrivateKey.from_private_bytes(raw).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    line = base64.b64encode(_texts(ALGORITHM, public)).decode()
    return HostKey(f"{ALGORITHM.decode()} {line}", _openssh(raw, public, f"{node}.{stack}".encode()))


def seed() -> str:
    """Secret. The stack's configuration `fjordkube:hostKeySeed`, or else this checkout's own, made at the first need.

    MachineError where the configuration is too short or lies open in the stack file.
    """
    configured = get_config(CONFIG)
    if configured is None:
        return _own()
    if not is_config_secret(CONFIG):
        raise MachineError(
            f"{CONFIG}: lies open in the stack file; make a new one, and set it by: pulumi config set --secret {CONFIG}"
        )
    if len(configured) < SHORTEST:
        raise MachineError(
            f"{CONFIG}: has fewer than {SHORTEST} characters, so that it could be guessed; "
            "make one by: openssl rand -base64 32"
        )
    return str(configured)


def _own() -> str:
    """This checkout's seed (0600). A preview may make it: keys that it shows are those that `up` installs."""
    path = home_root() / "host-key-seed"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
    except FileExistsError:
        text = path.read_text().strip()
        if len(text) < SHORTEST:
            raise MachineError(
                f"{path}: is not a whole seed; put back the one that the stack's machines were made with, "
                "or delete the file if there are none"
            ) from None
        return text
    text = secrets.token_urlsafe(48)
    with os.fdopen(handle, "w") as file:
        file.write(text + "\n")
    return text


def _texts(*parts: bytes) -> bytes:
    """Strings as SSH packs them: length and bytes (RFC 4251, section 5)."""
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def _openssh(raw: bytes, public: bytes, comment: bytes) -> str:
    """The private key in OpenSSH's own format (PROTOCOL.key), without a passphrase.

    Packed here because `cryptography` fills its check numbers by chance, and the same key must be the same text: it is
    part of a server's inputs. sshd reads Ed25519 keys in PKCS #8 only from OpenSSH 9.6 on.
    """
    both = _texts(ALGORITHM, public)
    check = public[:4] * 2
    inner = check + both + _texts(raw + public, comment)
    inner += bytes(range(1, 1 + -len(inner) % 8))
    outer = b"openssh-key-v1\0" + _texts(b"none", b"none", b"") + struct.pack(">I", 1) + _texts(both, inner)
    text = base64.b64encode(outer).decode()
    lines = [text[start : start + 70] for start in range(0, len(text), 70)]
    return "\n".join(["-----BEGIN OPENSSH PRIVATE KEY-----", *lines, "-----END OPENSSH PRIVATE KEY-----", ""])
