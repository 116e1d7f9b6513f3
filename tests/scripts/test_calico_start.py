"""The start of calico-node's container, as any sh runs it: when the CNI file gets its name, and that it is repeated."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from fjordkube.network.calico_node import PENDING, START, start

BRACKETS = "    server: https://[192.0.2.1]:6443\n"
"""As install-cni writes it; Go 1.26 takes no IPv4 address in brackets."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The container's folders, below one of the test's; `start_runit` fails twice and then runs on.

    Of programs only those that Calico's own image keeps: it has no mv (node/clean-up-filesystem.sh).
    """
    for name in ("net.d", "calico", "bin"):
        (tmp_path / name).mkdir()
    (tmp_path / "net.d" / PENDING).write_text("{}")
    (tmp_path / "net.d" / "calico-kubeconfig").write_text(BRACKETS)
    for name in ("ln", "rm", "sh", "sleep"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or name)
    program = tmp_path / "bin" / "start_runit"
    program.write_text(
        f"#!/bin/sh\necho x >>{tmp_path}/tries\n"
        f"n=0; while read -r _; do n=$((n + 1)); done <{tmp_path}/tries\n[ $n -gt 2 ] && sleep 60\nexit 1\n"
    )
    program.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_node_is_ready_when_pods_can_get_addresses_and_not_before(folder: Path, shell: str) -> None:
    text = START.replace("/host/etc/cni/net.d", str(folder / "net.d")).replace(
        "/var/lib/calico", str(folder / "calico")
    )
    text = text.replace("sleep 1;", "sleep 0.1;").replace("sleep $pause", "sleep 0.1")
    program = shutil.which(shell) or shell
    running = subprocess.Popen([program, "-c", text], env={"PATH": str(folder / "bin")}, start_new_session=True)
    named = folder / "net.d" / "10-calico.conflist"
    try:
        (folder / "calico" / "nodename").write_text("w1")
        time.sleep(0.5)
        assert not named.exists(), "pods would be tried, and none would get an address"
        (folder / "net.d" / "calico-kubeconfig").write_text("    server: https://192.0.2.1:6443\n")
        end = time.monotonic() + 10
        # containerd reads the folder when the old name goes
        while not named.exists() or (folder / "net.d" / PENDING).exists():
            assert time.monotonic() < end
            time.sleep(0.1)
        while len((folder / "tries").read_text().split()) < 3:
            assert time.monotonic() < end, "a start that failed is tried again"
            time.sleep(0.1)
        assert running.poll() is None
    finally:
        os.killpg(running.pid, 9)
        running.wait()


def test_services_that_have_nothing_to_do_stay_down(tmp_path: Path) -> None:
    available = tmp_path / "available"
    for service in ("bird", "bird6", "allocate-tunnel-addrs"):  # an image of another version may lack one
        (available / service).mkdir(parents=True)
    run = "calico-node -allocate-tunnel-addrs -allocate-tunnel-addrs-run-once || exit 1"
    (tmp_path / "rc.local").write_text(f"calico-node -startup || exit 1\n{run}\n")
    text = start(encapsulated=False, timing="emulated").removesuffix(START)
    text = text.replace("/etc/service", str(tmp_path)).replace("/etc/rc.local", str(tmp_path / "rc.local"))
    subprocess.run(["sh", "-euc", text], check=True)
    assert sorted(path.parent.name for path in available.rglob("down")) == ["allocate-tunnel-addrs", "bird6"]
    assert (tmp_path / "rc.local").read_text() == "calico-node -startup || exit 1\n"


def test_tunnels_get_their_addresses_where_there_are_tunnels() -> None:
    text = start(encapsulated=True, timing="emulated")
    assert "tunnel-addrs" not in text
