"""`up` killed five times in a row, and nodes that reboot by their own hand: one local cluster goes through both.

Not part of `make test`: half an hour on emulated machines. The tests run in file order and build on each other.
"""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e import cluster, example
from tests.e2e.conftest import SETTINGS
from tests.e2e.test_cluster import HOST, NODES, UP_SECONDS, kubeconfig_of
from tests.engine.command import Commands

KILLS = (25, 45, 70, 100, 150)
"""Seconds after which `up` is killed, each time from its beginning."""
REBOOTS = tuple((NODES * 4)[:10])
REBOOT_SECONDS = 600
"""Until a node is ready again; an emulated machine takes some 2 min."""


@pytest.fixture(scope="module")
def kubeconfig(commands: Commands) -> Path:
    """Of the cluster, once it is there."""
    return kubeconfig_of(commands)


def test_an_up_that_was_killed_five_times_is_completed_by_the_next(commands: Commands) -> None:
    for seconds in KILLS:
        killed = commands.start("up")
        with pytest.raises(subprocess.TimeoutExpired):
            killed.communicate(timeout=seconds)
        print(f"up killed after {seconds} s", flush=True)
        commands.kill(killed)
    done = commands.run("up", UP_SECONDS, show=True)
    assert done.code == 0, done.text
    assert "gate ingress: passed" in done.text


def test_no_container_was_restarted(kubeconfig: Path) -> None:
    """What starves is started later or asked less."""
    assert restarts(kubeconfig) == {}


@pytest.mark.parametrize(("number", "node"), enumerate(REBOOTS, start=1))
def test_a_node_that_reboots_by_its_own_hand_is_ready_again(
    commands: Commands, kubeconfig: Path, number: int, node: str
) -> None:
    before = boot_of(commands, node)
    start = time.monotonic()
    # the connection may end before the command does
    cluster.shell(commands, node, "systemctl reboot --no-block || true")
    while not is_ready_after(kubeconfig, node, before):
        assert time.monotonic() - start < REBOOT_SECONDS, f"{node} is not ready after its reboot"
        time.sleep(5)
    print(f"reboot {number}: {node} ready after {time.monotonic() - start:.0f} s", flush=True)


def test_the_cluster_serves_and_every_gate_passes_again(commands: Commands) -> None:
    for node in ("w1", "w2"):
        assert cluster.get(cluster.record(commands, node)["ports"]["http"], HOST)[0] == 200
    # another bound of waiting has each gate measured anew, and nothing else changed
    commands.write({**SETTINGS, "gates": {"timeout_seconds": 900}})
    done = commands.run("up", UP_SECONDS, show=True)
    assert done.code == 0, done.text
    for gate in ("bgp", "data-path", "ipvs", "ingress"):
        assert f"gate {gate}: passed" in done.text


def restarts(kubeconfig: Path) -> dict[str, int]:
    """Restarted containers by pod and name."""
    pods = json.loads(example.kubectl(kubeconfig, "get", "pods", "--all-namespaces", "--output", "json"))
    return {
        f"{pod['metadata']['name']}/{status['name']}": status["restartCount"]
        for pod in pods["items"]
        for status in pod["status"].get("containerStatuses", [])
        if status["restartCount"]
    }


def boot_of(commands: Commands, node: str) -> str:
    return cluster.shell(commands, node, "cat /proc/sys/kernel/random/boot_id").strip()


def is_ready_after(kubeconfig: Path, node: str, boot: str) -> bool:
    """Whether the node's kubelet said, from another boot, that it is ready; no answer of the API is a no."""
    try:
        found = json.loads(example.kubectl(kubeconfig, "get", "node", node, "--output", "json"))
    except AssertionError:
        return False
    conditions = {each["type"]: each["status"] for each in found["status"]["conditions"]}
    return bool(found["status"]["nodeInfo"]["bootID"] != boot and conditions["Ready"] == "True")
