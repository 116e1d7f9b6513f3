"""Host keys as hosts show them now: asked by ssh, which is never let in, directly or through the bastion.

Owns asking. Leaves comparing with what is pinned, and writing, to `commands/host_keys.py`; whether a key is the right
one only a person can say, who compares its fingerprint.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fjordkube.helpers.ssh import Access
from fjordkube.nodes import ssh_key
from fjordkube.nodes.existing import host_keys
from fjordkube.nodes.existing.pins import BASTION, HostPin
from fjordkube.settings import Bastion

AT_ONCE = 16
CONNECT_SECONDS = 15
LIMIT_SECONDS = 60
"""For a host that takes the connection and says nothing."""

RSA = "rsa-sha2-512,rsa-sha2-256"
"""How ssh names the algorithms of an ssh-rsa key; the one by SHA-1 is not asked for."""


class Silent(Exception):
    """A host that shows no key, and why."""


def shown(pin: HostPin, kind: str | None, bastion: Access | None) -> str:
    """The public line of the key that the host shows; of type `kind`, or the preferred one. Silent: none.

    `bastion`: the host to go through.
    """
    with tempfile.TemporaryDirectory(prefix="fjordkube-") as name:
        folder = Path(name)
        found = folder / "known_hosts"
        options = {
            "UserKnownHostsFile": str(found),
            "GlobalKnownHostsFile": "/dev/null",
            # into a file that is thrown away: this is the one place where an unknown key is looked at
            "StrictHostKeyChecking": "accept-new",
            "HashKnownHosts": "no",
            "UpdateHostKeys": "no",
            "HostKeyAlgorithms": _algorithms(kind),
            "PreferredAuthentications": "none",
            "BatchMode": "yes",
            "LogLevel": "ERROR",
            "ConnectTimeout": str(CONNECT_SECONDS),
        }
        if bastion:
            options["ProxyCommand"] = bastion.forwarding(folder, CONNECT_SECONDS)
        words = ["ssh", "-F", "/dev/null", "-p", str(pin.port)]
        for option, value in options.items():
            words += ["-o", f"{option}={value}"]
        try:
            done = subprocess.run(
                [*words, f"nobody@{pin.host}", "true"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=LIMIT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Silent(f"nothing within {LIMIT_SECONDS} s") from None
        keys = host_keys.keys(found.read_text(), pin.host, pin.port) if found.exists() else []
        if keys:
            return keys[0]
        lines = done.stderr.strip().splitlines()
        raise Silent(lines[0].removeprefix("ssh: ")[:160] if lines else "silence")


def through(bastion: Bastion, host_key: str) -> Access:
    """The bastion with its pinned key."""
    assert bastion.key_file, "settings/consistency/ asks for it"
    address = (bastion.host, str(bastion.port), bastion.user)
    return Access(BASTION, *address, ssh_key.private(bastion.key_file), host_key)


def all_shown(
    pins: Sequence[HostPin], kinds: Mapping[str, str | None], bastion: Access | None
) -> dict[str, str | Silent]:
    """By name, all in parallel: the key, or why there is none."""

    def ask(pin: HostPin) -> str | Silent:
        # of the pinned type, or, from a host that has none of it any more, of another
        found: str | Silent = Silent("silence")
        for kind in dict.fromkeys((kinds[pin.name], None)):
            try:
                return shown(pin, kind, bastion)
            except Silent as reason:
                found = reason
        return found

    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        return dict(zip((pin.name for pin in pins), pool.map(ask, pins), strict=True))


def _algorithms(kind: str | None) -> str:
    kinds = (kind,) if kind else host_keys.PREFERRED
    return ",".join(RSA if each == "ssh-rsa" else each for each in kinds)
