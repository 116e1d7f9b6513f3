"""The start of calico-node's container, as any sh runs it: when the CNI file gets its name, and that it is repeated."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from fjordkube.network.calico_node import PENDING, START

BRACKETS = "    server: https://[192.0.2.1]:6443\n"
"""As install-cni writes it; Go 1.26 takes no IPv4 address in brackets."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The container's folders, below one of the test's; `start_runit` fails twice and then runs on."""
    for name in ("net.d", "calico", "bin"):
        (tmp_path / name).mkdir()
    (tmp_path / "net.d" / PENDING).write_text("{}")
    (tmp_path / "net.d" / "calico-kubeconfig").write_text(BRACKETS)
    program = tmp_path / "bin" / "start_runit"
    program.write_text(
        f"#!/bin/sh\necho x >>{tmp_path}/tries\n[ $(wc -l <{tmp_path}/tries) -gt 2 ] && sleep 60\nexit 1\n"
    )
    program.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_node_is_ready_when_pods_can_get_addresses_and_not_before(folder: Path, shell: str) -> None:
    text = START.replace("/host/etc/cni/net.d", str(folder / "net.d")).replace(
        "/var/lib/calico", str(folder / "calico")
    )
    text = text.replace("sleep 1;", "sleep 0.1;").replace("sleep $pause", "sleep 0.1")
    environment = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    running = subprocess.Popen([shell, "-c", text], env=environment, start_new_session=True)
    named = folder / "net.d" / "10-calico.conflist"
    try:
        (folder / "calico" / "nodename").write_text("w1")
        time.sleep(0.5)
        assert not named.exists(), "pods would be tried, and none would get an address"
        (folder / "net.d" / "calico-kubeconfig").write_text("    server: https://192.0.2.1:6443\n")
        end = time.monotonic() + 10
        while not named.exists():
            assert time.monotonic() < end
            time.sleep(0.1)
        while len((folder / "tries").read_text().split()) < 3:
            assert time.monotonic() < end, "a start that failed is tried again"
            time.sleep(0.1)
        assert running.poll() is None
    finally:
        os.killpg(running.pid, 9)
        running.wait()
