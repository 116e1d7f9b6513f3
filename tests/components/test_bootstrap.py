"""ControlPlane and Worker: what they register, what is secret, what waits for what."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from fjordkube.bootstrap import Addons, ControlPlane, ControlPlaneArgs, Worker, WorkerArgs
from fjordkube.helpers import launcher
from fjordkube.helpers.ssh import Access
from fjordkube.node import Node
from fjordkube.remote import connection, through
from fjordkube.timing import EMULATED
from tests.components.bootstrap_mocks import opened, with_mocks
from tests.golden.bootstrap_cluster import kubeadm, node, nodes

BOTH = pytest.mark.parametrize("preview", [False, True])


def every(*addresses: int) -> list[Node]:
    """Control planes cp1 and on, and a worker."""
    return [*(node(f"cp{n}", "control-plane", 10 + n) for n in addresses), node("w1", "worker", 101)]


def addons(nodes: list[Node]) -> Addons:
    cluster = kubeadm(EMULATED, every=nodes)
    return Addons("fjord", nodes[0], cluster, pulumi.Output.from_input("fjord"))


@BOTH
def test_every_control_plane_has_the_same_membership(preview: bool) -> None:
    def program() -> None:
        nodes = every(1, 2, 3)
        for each in nodes[:3]:
            ControlPlane(each.name, ControlPlaneArgs(each, kubeadm(EMULATED, every=nodes)))

    recorder = with_mocks(program, preview)
    assert sorted(recorder.names) == ["cp1", "cp1-member", "cp2", "cp2-member", "cp3", "cp3-member"]
    if preview:
        return
    for command in recorder.of("command:local:Command"):
        assert command["create"] == command["update"] == launcher.command("member")
        assert command["delete"] == launcher.command("remove")
        environment = opened(command["environment"])
        number = int(environment["FJORDKUBE_NODE"].removeprefix("cp"))
        assert environment["FJORDKUBE_ADDRESS"] == f"192.168.77.1{number}"
        assert environment["FJORDKUBE_API"] == "127.0.0.1:16443"
        # no kubeconfig of any other's: whichever lives is asked when it is needed
        assert "FJORDKUBE_KUBECONFIG" not in environment
        assert "RESET=now" in environment["FJORDKUBE_RESET_SCRIPT"]
        peers = json.loads(environment["FJORDKUBE_PEERS"])
        assert [peer["name"] for peer in peers["nodes"]] == [f"cp{n}" for n in (1, 2, 3) if n != number]
        assert {peer["api"] for peer in peers["nodes"]} == {"127.0.0.1:16443"}


def test_the_order_of_control_planes_is_no_part_of_their_membership() -> None:
    def environments(nodes: list[Node]) -> dict[str, Any]:
        recorder = with_mocks(
            lambda: (
                [ControlPlane(each.name, ControlPlaneArgs(each, kubeadm(every=nodes))) for each in nodes[:3]] and None
            ),
            preview=False,
        )
        found = [opened(command["environment"]) for command in recorder.of("command:local:Command")]
        return {environment["FJORDKUBE_NODE"]: environment for environment in found}

    assert environments(every(1, 2, 3)) == environments(every(3, 1, 2))


@BOTH
def test_what_a_cluster_gets_once_is_cut_where_others_can_begin(preview: bool) -> None:
    recorder = with_mocks(lambda: addons(every(1)) and None, preview)
    assert sorted(recorder.names) == ["fjord-addons", "fjord-addons", "fjord-api", "fjord-joinable"]


def test_kubeconfigs_are_secret_and_reachable_from_here() -> None:
    seen: list[Any] = []

    def program() -> pulumi.Output[None]:
        made = addons(every(1))
        both = pulumi.Output.all(made.kubeconfig, made.user_kubeconfig)

        async def secrets() -> None:
            assert await made.kubeconfig.is_secret()
            assert await made.user_kubeconfig.is_secret()
            seen.append("asked")

        def look(texts: list[str]) -> Any:
            assert all("server: https://127.0.0.1:16443\n" in text for text in texts)
            seen.append("looked")
            return pulumi.Output.from_input(secrets())

        return both.apply(look)

    with_mocks(program, preview=False)
    assert seen == ["looked", "asked"]


@BOTH
def test_worker_hands_secrets_over_by_environment_and_nothing_on_the_command_line(preview: bool) -> None:
    def program() -> None:
        every = [replace(each, machine=pulumi.ComponentResource("test:index:Machine", "m")) for each in nodes()]
        Worker(
            "w1",
            WorkerArgs(
                every[1],
                kubeadm(EMULATED),
                kubeconfig=pulumi.Output.secret("KUBECONFIG"),
            ),
        )

    recorder = with_mocks(program, preview)
    (command,) = recorder.of("command:local:Command")
    assert command["create"] == command["update"] == launcher.command("join")
    assert command["delete"] == launcher.command("remove")
    environment = opened(command["environment"])
    assert environment["FJORDKUBE_NODE"] == "w1"
    assert environment["FJORDKUBE_SSH_PORT"] == "2301"
    assert environment["FJORDKUBE_SSH_HOST_KEY"] == "ssh-ed25519 AAAA"
    assert "FJORDKUBE_RESET_SCRIPT" not in environment
    # a trigger would replace the membership, and its old half would remove the node that has just joined
    assert "triggers" not in command
    assert environment["FJORDKUBE_MACHINE"] == "w1 runs"
    assert environment["FJORDKUBE_HELPER"] == launcher.REVISIONS["membership"]


def test_labels_and_taints_reach_the_membership_in_an_order_of_their_own() -> None:
    def environment(labels: dict[str, str], taints: list[str]) -> dict[str, Any]:
        one = replace(nodes()[1], labels=labels, taints=taints)
        recorder = with_mocks(
            lambda: Worker("w1", WorkerArgs(one, kubeadm(EMULATED), "kubeconfig")) and None, preview=False
        )
        (command,) = recorder.of("command:local:Command")
        return opened(command["environment"])

    labels, taints = {"tier": "web", "disk": "nvme"}, ["dedicated=web:NoSchedule", "batch:PreferNoSchedule"]
    found = environment(labels, taints)
    assert json.loads(found["FJORDKUBE_LABELS"]) == labels
    assert json.loads(found["FJORDKUBE_TAINTS"]) == sorted(taints)
    assert found == environment(dict(reversed(labels.items())), taints[::-1])


@BOTH
def test_sudo_and_bastion_reach_the_relay_by_environment_too(preview: bool) -> None:
    def program() -> None:
        bastion = through("203.0.113.5", 22, "JUMP KEY", "ssh-ed25519 BBBB", "jump")
        behind = connection("10.1.0.12", 22, "PRIVATE", "ssh-ed25519 AAAA", "debian", bastion=bastion)
        node = replace(nodes()[1], sudo=True, connection=behind)
        Worker("w1", WorkerArgs(node, kubeadm(EMULATED), "kubeconfig"))

    (command,) = with_mocks(program, preview).of("command:local:Command")
    environment = opened(command["environment"])
    assert environment["FJORDKUBE_SSH_SUDO"] == "yes"
    access = Access.from_environment("w1", environment)
    assert (access.sudo, access.user, access.host) == (True, "debian", "10.1.0.12")
    assert access.bastion == Access("w1.bastion", "203.0.113.5", "22", "jump", "JUMP KEY", "ssh-ed25519 BBBB")


def test_a_machine_that_stays_is_reset_when_it_leaves() -> None:
    def program() -> None:
        Worker("w1", WorkerArgs(nodes()[1], kubeadm(EMULATED), "kubeconfig"))

    (command,) = with_mocks(program, preview=False).of("command:local:Command")
    assert "RESET=now" in opened(command["environment"])["FJORDKUBE_RESET_SCRIPT"]
