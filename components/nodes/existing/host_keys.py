"""Host keys in a file of ssh's format (sshd(8), SSH_KNOWN_HOSTS): finding a host's, and the line that adds one.

Owns the format. Leaves collecting to `commands/host_keys.py`, and refusing a host without one to `source.py`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterator
from typing import Final

PREFERRED: Final = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa")
"""Of a host's keys, the first of these that the file has; one is pinned, and the same one on every run."""

HASHED: Final = "|1|"
"""How a name begins that ssh has hashed (HashKnownHosts, Debian's default for people)."""


def name(host: str, port: int) -> str:
    """The host as the file names it, e.g. 203.0.113.11 or [203.0.113.11]:2222."""
    return host if port == 22 else f"[{host}]:{port}"


def keys(text: str, host: str, port: int) -> list[str]:
    """Public lines of that host's keys, the preferred type first; lines of authorities and revoked keys are no keys."""
    found = [key for key in _entries(text, name(host, port)) if key.split()[0] in PREFERRED]
    return sorted(dict.fromkeys(found), key=lambda key: PREFERRED.index(key.split()[0]))


def pinned(text: str, host: str, port: int) -> str | None:
    """The one key that is pinned; None where the file has none. ValueError: two of one type, of which one is old."""
    found = keys(text, host, port)
    if len(found) > 1 and found[0].split()[0] == found[1].split()[0]:
        raise ValueError(f"has two different keys of type {found[0].split()[0]} for {name(host, port)}")
    return found[0] if found else None


def line(host: str, port: int, key: str) -> str:
    """The line that adds a key."""
    return f"{name(host, port)} {key}\n"


def fingerprint(key: str) -> str:
    """As `ssh-keygen -lf` shows it, e.g. SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU."""
    digest = hashlib.sha256(base64.b64decode(key.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def _entries(text: str, wanted: str) -> Iterator[str]:
    for entry in text.splitlines():
        words = entry.split()
        if len(words) < 3 or words[0].startswith(("#", "@")):
            continue
        if any(_names(pattern, wanted) for pattern in words[0].split(",")):
            yield f"{words[1]} {words[2]}"


def _names(pattern: str, wanted: str) -> bool:
    if not pattern.startswith(HASHED):
        return pattern == wanted
    salt, _, digest = pattern.removeprefix(HASHED).partition("|")
    try:
        # SHA-1 is what the file's format says
        made = hmac.new(base64.b64decode(salt), wanted.encode(), hashlib.sha1).digest()
        return hmac.compare_digest(made, base64.b64decode(digest))
    except (binascii.Error, ValueError):
        return False
