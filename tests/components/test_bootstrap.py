"""ControlPlane and Worker: what they register, what is secret, what waits for what."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from fjordkube.bootstrap import ControlPlane, ControlPlaneArgs, Worker, WorkerArgs
from fjordkube.helpers import launcher
from fjordkube.helpers.ssh import Access
from fjordkube.remote import connection, through
from fjordkube.timing import EMULATED
from tests.components.bootstrap_mocks import opened, with_mocks
from tests.golden.bootstrap_cluster import kubeadm, node, nodes

BOTH = pytest.mark.parametrize("preview", [False, True])


def control_plane(**changes: Any) -> ControlPlane:
    return ControlPlane("cp1", ControlPlaneArgs(nodes()[0], kubeadm(EMULATED), **changes))


@BOTH
def test_leader_is_cut_where_others_can_begin(preview: bool) -> None:
    recorder = with_mocks(lambda: control_plane() and None, preview)
    assert sorted(recorder.names) == ["cp1", "cp1-addons", "cp1-api", "cp1-joinable"]


@BOTH
def test_a_second_control_plane_joins_beside_the_first(preview: bool) -> None:
    def program() -> None:
        second = node("cp2", "control-plane", 12)
        every = [*nodes(), second]
        first = ControlPlane("cp1", ControlPlaneArgs(every[0], kubeadm(EMULATED, every=every)))
        ControlPlane("cp2", ControlPlaneArgs(second, kubeadm(EMULATED, every=every), beside=first))

    recorder = with_mocks(program, preview)
    assert sorted(recorder.names) == ["cp1", "cp1-addons", "cp1-api", "cp1-joinable", "cp2", "cp2-joined"]
    if not preview:
        (command,) = recorder.of("command:local:Command")
        assert command["create"] == launcher.command("member")
        environment = opened(command["environment"])
        assert environment["FJORDKUBE_PEER_PORT"] == "2211"
        assert environment["FJORDKUBE_SSH_PORT"] == "2212"
        assert "ANSWER=state" in environment["FJORDKUBE_SCRIPT"]
        assert "server: https://127.0.0.1:16443" in environment["FJORDKUBE_KUBECONFIG"]


def test_kubeconfigs_are_secret_and_reachable_from_here() -> None:
    seen: list[Any] = []

    def program() -> pulumi.Output[None]:
        made = control_plane()
        every = pulumi.Output.all(made.kubeconfig, made.user_kubeconfig)

        async def secrets() -> None:
            assert await made.kubeconfig.is_secret()
            assert await made.user_kubeconfig.is_secret()
            seen.append("asked")

        def look(texts: list[str]) -> Any:
            assert all("server: https://127.0.0.1:16443\n" in text for text in texts)
            seen.append("looked")
            return pulumi.Output.from_input(secrets())

        return every.apply(look)

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
