"""SSH to a node with its pinned host key, through a bastion or not: the client's command line, and one script run to
its end.

Owns key files and options. Leaves conversations of many questions to session.py.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .api import as_object
from .errors import HelperError
from .log import log

ATTEMPTS = 5
"""A cut connection is tried again: the script on the node finds what the first attempt did."""

PAUSE = 3.0
"""Seconds between two attempts."""

TARGET = "[%h]:%p"
"""What ssh puts the node's address and port for, in the command that reaches it; brackets also suit IPv6."""

BEGIN = "fjordkube:begin"
"""The line after which a script's own words come: a login shell's .bashrc may have printed before (ansible#2268)."""

SAY_BEGIN = f"printf '\\n{BEGIN}\\n'\n"
"""What bash runs for it."""

NO_CONNECTION = 255
"""ssh's own exit status: no connection, or one that was cut."""


@dataclass(frozen=True)
class Access:
    """How one node is entered."""

    name: str
    """For messages and file names, e.g. w1."""
    host: str
    port: str
    user: str
    key: str = field(repr=False)
    """Private key, OpenSSH's text."""
    host_key: str
    """Public key line that the node must show."""
    sudo: bool = False
    """Whether the user becomes root by `sudo -n`."""
    bastion: Access | None = None
    """The host to go through."""

    @classmethod
    def from_environment(cls, name: str, env: Mapping[str, str], end: str = "SSH") -> Access:
        """`end` names the variables: FJORDKUBE_SSH_HOST for the node itself, FJORDKUBE_PEER_HOST for a living one."""
        parts = {part: env[f"FJORDKUBE_{end}_{part.upper()}"] for part in ("host", "port", "user", "key", "host_key")}
        bastion = json.loads(env.get(f"FJORDKUBE_{end}_BASTION") or "null")
        return cls(
            name,
            **parts,
            sudo=env.get(f"FJORDKUBE_{end}_SUDO") == "yes",
            bastion=_bastion(name, bastion, bastion["key"]) if bastion else None,
        )

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any], keys: Sequence[str]) -> Access:
        """A node of FJORDKUBE_NODES, whose `key` is the number of one in `keys` (with_keys_apart)."""
        name, bastion = str(entry["name"]), entry.get("bastion")
        return cls(
            name,
            str(entry["host"]),
            str(entry["port"]),
            str(entry["user"]),
            keys[entry["key"]],
            str(entry["host_key"]),
            sudo=bool(entry.get("sudo")),
            bastion=_bastion(name, bastion, keys[bastion["key"]]) if bastion else None,
        )

    def command(self, folder: Path, connect_timeout: int = 30) -> list[str]:
        """ssh that runs bash on the node, as root; keys and known_hosts become files in `folder` (0700)."""
        run = "exec sudo -n bash -s" if self.sudo else "exec bash -s"
        proxy = []
        if self.bastion:
            proxy = ["-o", f"ProxyCommand={self.bastion.forwarding(folder, connect_timeout)}"]
        return [*self._client("node", folder, connect_timeout, *proxy), run]

    def forwarding(self, folder: Path, connect_timeout: int = 30) -> str:
        """The command by which ssh goes through this host: only a forwarding is asked of it, and never a shell."""
        return shlex.join(self._client("bastion", folder, connect_timeout, "-W", TARGET))

    def _client(self, alias: str, folder: Path, connect_timeout: int, *more: str) -> list[str]:
        """ssh up to the destination; `alias` is what its messages call the machine whose host key is wrong."""
        key, known = folder / f"{self.name}-key", folder / f"{self.name}-known_hosts"
        key.touch(mode=0o600)
        key.write_text(self.key.rstrip("\n") + "\n")
        known.write_text(f"{alias} {self.host_key}\n")
        options = {
            "UserKnownHostsFile": str(known),
            "GlobalKnownHostsFile": "/dev/null",
            "HostKeyAlias": alias,
            "StrictHostKeyChecking": "yes",
            "IdentitiesOnly": "yes",
            "BatchMode": "yes",
            "LogLevel": "ERROR",
            "ConnectTimeout": str(connect_timeout),
            "ServerAliveInterval": "15",
            "ServerAliveCountMax": "20",
        }
        command = ["ssh", "-F", "/dev/null", "-i", str(key), "-p", self.port]
        for name, value in options.items():
            command += ["-o", f"{name}={value}"]
        return [*command, *more, f"{self.user}@{self.host}"]


def with_keys_apart(entries: Sequence[Mapping[str, Any]]) -> str:
    """Secret. FJORDKUBE_NODES, each key in it once; of an entry's fields, `Access.from_entry` reads those of SSH."""
    every = [*entries, *(entry["bastion"] for entry in entries if "bastion" in entry)]
    keys = list(dict.fromkeys(entry["key"] for entry in every))

    def apart(entry: Mapping[str, Any]) -> dict[str, Any]:
        bastion = {"bastion": apart(entry["bastion"])} if "bastion" in entry else {}
        return {**entry, "key": keys.index(entry["key"]), **bastion}

    return json.dumps({"keys": keys, "nodes": [apart(entry) for entry in entries]})


def listed(text: str) -> Iterator[tuple[Mapping[str, Any], Access]]:
    """Each node of such a list, and how it is entered, in its order."""
    found = json.loads(text)
    for entry in found["nodes"]:
        yield entry, Access.from_entry(entry, found["keys"])


def _bastion(name: str, entry: Mapping[str, Any], key: str) -> Access:
    # no node has this name: it is not a DNS label
    who, place = f"{name}.bastion", (str(entry["host"]), str(entry["port"]), str(entry["user"]))
    return Access(who, *place, key, str(entry["host_key"]))


def function(script: str, values: Mapping[str, str]) -> str:
    """`script` with `values` before it, as one function: bash has read all of it before any part can read stdin."""
    assignments = "\n".join(f"{name}={shlex.quote(value)}" for name, value in values.items())
    return f"fjordkube() {{\n{assignments}\n{script}\n}}\n"


def run(
    command: list[str], script: str, values: Mapping[str, str], node: str, attempts: int = ATTEMPTS
) -> dict[str, Any]:
    """The JSON object that the script printed last; its log goes to our stderr as it comes."""
    text = function(script, values) + "fjordkube </dev/null\n"
    for attempt in range(1, attempts + 1):
        done = subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode == 0:
            lines = done.stdout.strip().splitlines()
            return as_object(lines[-1].encode()) if lines else {}
        if done.returncode != NO_CONNECTION:
            raise HelperError(f"{node}: the script on the node failed; its words are above")
        log(f"{node}: no SSH connection (attempt {attempt} of {attempts})")
        if attempt < attempts:
            time.sleep(PAUSE)
    raise HelperError(f"{node}: not reachable by SSH: is the machine up, and is its host key the one it was made with?")
