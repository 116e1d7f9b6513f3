"""The stack's machines and how they are entered, from its state: what the last runs reached, whatever the settings say
by now.

Owns finding them among resources. A node is there from the moment it was prepared as a host: that command
(components/host/host.py) holds the whole connection, whatever the source, with bastion and sudo. Leaves secrets'
decryption to the engine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from commands.state import SIGNATURE
from fjordkube.errors import FjordkubeError

HOST = "fjordkube:host:Host"
COMMAND = "command:remote:Command"
PREPARED = "-prepared"
AS_ROOT = "exec sudo -n "
"""How a command's text begins where its user is not root (components/shell.py)."""


def prepared(resources: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The command that prepared each machine, by the node's name, in the state's order."""
    parents = {str(entry["urn"]): str(entry.get("parent") or "") for entry in resources if "urn" in entry}
    found = {}
    for entry in resources:
        urn, host = str(entry.get("urn")), str(entry.get("parent") or "")
        # what a replacement has left to be deleted is of no machine any more
        if entry.get("type") != COMMAND or not urn.endswith(PREPARED) or not _is_host(host) or entry.get("delete"):
            continue
        cluster = _name(parents.get(host, ""))
        found[_name(host).removeprefix(f"{cluster}-").removesuffix("-host")] = entry
    return found


def entrances(resources: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Secret. How each is entered (helpers/ssh.py, `Access.from_entry`). FjordkubeError where secrets are not shown."""
    return [_entrance(name, shown(entry["inputs"])) for name, entry in prepared(resources).items()]


def shown(value: Any) -> Any:
    """A value of an export whose secrets are shown, as it was before it was one."""
    if isinstance(value, dict):
        if SIGNATURE not in value:
            return {key: shown(item) for key, item in value.items()}
        if "plaintext" not in value:
            raise FjordkubeError("state: its secrets are not shown; run this with the stack's passphrase or key")
        return shown(json.loads(value["plaintext"]))
    return [shown(item) for item in value] if isinstance(value, list) else value


def _entrance(name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    connection = inputs["connection"]
    entry = {"name": name, **_end(connection)}
    if str(inputs["create"]).startswith(AS_ROOT):
        entry["sudo"] = True
    if connection.get("proxy"):
        entry["bastion"] = _end(connection["proxy"])
    return entry


def _end(connection: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "host": connection["host"],
        "port": int(connection.get("port") or 22),
        "user": connection.get("user") or "root",
        "key": connection["privateKey"],
        "host_key": connection["hostKey"],
    }


def _is_host(urn: str) -> bool:
    return urn.rpartition("::")[0].endswith(HOST)


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]
