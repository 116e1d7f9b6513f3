"""SSH host keys of machines that a provider makes: derived from one secret seed, so that they are known beforehand.

Owns the derivation. The key goes into a new machine by cloud-init and its public line is pinned, so that no connection
is ever trusted on first use. Leaves the seed to login_key.py, machines that make their own keys to `local/`, and
keys of machines that were there before to `existing/`.

Whoever has the seed can be any of the stack's machines. It is in the stack's state, encrypted, and in no log.
"""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass, field
from typing import Final

import pulumi
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

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


def of(seed: pulumi.Output[str], stack: str, node: str) -> pulumi.Output[HostKey]:
    """Secret. The same from a seed that the state holds."""
    return seed.apply(lambda text: derive(text, stack, node))


def public(key: pulumi.Output[HostKey]) -> pulumi.Output[str]:
    """Its public line, which is no secret."""
    return pulumi.Output.unsecret(key.apply(lambda pair: pair.public))


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
