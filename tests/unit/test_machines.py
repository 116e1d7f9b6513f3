"""The machines of a stack's state: whoever was prepared, entered as the last run did, for every source of nodes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from commands import machines
from commands.state import SIGNATURE
from fjordkube.errors import FjordkubeError
from fjordkube.helpers.ssh import Access, with_keys_apart
from fjordkube.shell import by_bash

URN = "urn:pulumi:prod::fjordkube::"
CLUSTER = f"{URN}fjordkube:cluster:KubernetesCluster::north-sea"
HOSTS = "fjordkube:cluster:KubernetesCluster$fjordkube:host:Host"
MARK = {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270"}


def secret(value: Any) -> dict[str, str]:
    return {**MARK, "plaintext": json.dumps(value)}


def connection(host: str, **more: Any) -> dict[str, Any]:
    key = secret(f"KEY of {host}\n")
    return {"host": host, "port": 2222.0, "user": "root", "privateKey": key, "hostKey": f"ssh-ed25519 {host}", **more}


def prepared(name: str, at: Any, sudo: bool = False, **more: Any) -> list[dict[str, Any]]:
    """A host and the command that prepared it."""
    host = f"{URN}{HOSTS}::north-sea-{name}-host"
    inputs = {"connection": at, "create": by_bash("echo", sudo)}
    command = f"{URN}{HOSTS}$command:remote:Command::north-sea-{name}-host-prepared"
    return [
        {"urn": host, "type": "fjordkube:host:Host", "parent": CLUSTER},
        {"urn": command, "type": "command:remote:Command", "parent": host, "inputs": inputs, **more},
    ]


CLUSTER_ITSELF = {
    "urn": CLUSTER,
    "type": "fjordkube:cluster:KubernetesCluster",
    "parent": f"{URN}pulumi:pulumi:Stack::x",
}


def test_every_machine_that_was_prepared_is_found_with_its_way_in() -> None:
    bastion = {"host": "203.0.113.5", "user": "jump", "privateKey": secret("JUMP"), "hostKey": "ssh-ed25519 B"}
    resources = [
        CLUSTER_ITSELF,
        *prepared("cp-1", connection("10.0.0.11")),
        *prepared("w1", connection("10.0.0.21", user="debian", proxy=bastion), sudo=True),
        {"urn": f"{URN}{HOSTS}$command:remote:Command::north-sea-w1-host-other", "type": "command:remote:Command"},
    ]
    listed = json.loads(with_keys_apart(machines.entrances(resources)))
    first, second = (Access.from_entry(entry, listed["keys"]) for entry in listed["nodes"])
    assert first == Access("cp-1", "10.0.0.11", "2222", "root", "KEY of 10.0.0.11\n", "ssh-ed25519 10.0.0.11")
    assert (second.name, second.user, second.sudo) == ("w1", "debian", True)
    assert second.bastion == Access("w1.bastion", "203.0.113.5", "22", "jump", "JUMP", "ssh-ed25519 B")


def test_a_connection_that_is_secret_as_a_whole_is_read_too() -> None:
    at = secret({**connection("10.0.0.11"), "privateKey": "KEY"})
    (found,) = machines.entrances([CLUSTER_ITSELF, *prepared("cp1", at)])
    assert (found["host"], found["key"], "sudo" in found) == ("10.0.0.11", "KEY", False)


def test_what_waits_for_its_deletion_is_no_machine() -> None:
    resources = [CLUSTER_ITSELF, *prepared("w1", connection("10.0.0.9"), delete=True)]
    resources += prepared("w1", connection("10.0.0.21"))
    assert [entry["host"] for entry in machines.entrances(resources)] == ["10.0.0.21"]


def test_other_resources_make_no_cluster() -> None:
    assert machines.prepared([CLUSTER_ITSELF, {"type": "random:Thing"}]) == {}


def test_secrets_that_are_not_shown_are_an_error_with_a_fix() -> None:
    hidden = connection("10.0.0.11", privateKey={**MARK, "ciphertext": "v1:abc"})
    with pytest.raises(FjordkubeError, match="passphrase"):
        machines.entrances([CLUSTER_ITSELF, *prepared("cp1", hidden)])
