"""A real cluster on virtual machines, end to end: up (killed once on the way), again, an edit, a dead machine, down."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

from tests.e2e import cluster
from tests.engine.command import Commands

UP_SECONDS = 1500
"""Bound of one `up`; measured figures are in docs/offline.md."""
HOST = "demo.fjord.internal"
NODES = ("cp1", "w1", "w2")


def test_an_up_that_is_killed_is_completed_by_the_next(commands: Commands) -> None:
    killed = commands.start("up")
    assert killed.stdout is not None
    seen = []
    for line in killed.stdout:
        print(line, end="", flush=True)
        seen.append(line)
        if "cp1: prepared as a Kubernetes host" in line:
            break
    else:
        raise AssertionError(f"up ended before a host was prepared: {''.join(seen)}")
    time.sleep(5)  # in the middle of kubeadm init
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    killed.stdout.close()

    done = commands.run("up", UP_SECONDS, show=True)
    assert done.code == 0, done.text
    assert "gate ingress: passed" in done.text
    assert "unchanged" in done.text


def test_every_gate_has_its_figures(commands: Commands) -> None:
    gates = cluster.outputs(commands)["gates"]
    assert set(gates) == {"disk", "bgp", "data-path", "ipvs", "ingress"}
    assert set(gates["disk"]) == {"cp1"}
    assert gates["disk"]["cp1"]["writes"] > 0
    assert gates["disk"]["cp1"]["fdatasync_p99_ms"] > 0
    assert gates["disk"]["cp1"]["file_system"] == "ext4"
    assert gates["bgp"]["sessions_established"] == gates["bgp"]["sessions_expected"] == 6
    assert gates["bgp"]["tunnel_devices"] == 0
    promises = {row["promise"]: row["measured"] for row in cluster.outputs(commands)["promises"]}
    assert "1500 bytes" in promises["Pod to pod at full MTU"]
    assert "0 % lost" in promises["Pod to pod at full MTU"]
    assert "rr over" in promises["Services by IPVS"]
    page = (commands.home / "report" / f"{commands.stack}.html").read_text()
    assert "<svg" in page


def test_a_request_is_served_through_every_worker(commands: Commands) -> None:
    for node in ("w1", "w2"):
        status, text = cluster.get(cluster.record(commands, node)["ports"]["http"], HOST)
        assert status == 200
        assert "pod: demo-" in text


def test_the_promises_hold_by_the_kernels_own_word(commands: Commands) -> None:
    for node in NODES:
        table = cluster.shell(commands, node, "ipvsadm -Ln")
        assert re.search(r"TCP +10\.\S+:80 rr", table)
        links = cluster.shell(commands, node, "ip -d -o link show")
        assert not re.search(r"\b(vxlan|ipip|wireguard)\b", links)
        routes = cluster.shell(commands, node, "ip -4 route show proto bird")
        assert len(re.findall(r"via 192\.168\.77\.\d+ dev eth1", routes)) == 2
    for node in ("w1", "w2"):
        settings = cluster.shell(
            commands, node, "crictl exec $(crictl ps -q --name '^controller$') cat /etc/nginx/nginx.conf"
        )
        for directive in ("worker_connections  10240;", "keepalive_timeout  65s;", "keepalive 100;"):
            assert directive in settings or " ".join(directive.split()) in " ".join(settings.split())


def test_no_secret_lies_in_the_clear(commands: Commands) -> None:
    """State, logs and reports; keys lie in files of their own (0600), and kubeconfigs in none."""
    secret = re.compile(rb"PRIVATE KEY-----|client-key-data: LS0|[a-z0-9]{6}\.[a-z0-9]{16}\b(?=.*bootstrap)")
    allowed = (commands.home / "vm", commands.home / "engine", commands.home / "pulumi-home")
    for path in commands.home.rglob("*"):
        if path.is_file() and not path.is_symlink() and not any(folder in path.parents for folder in allowed):
            assert not secret.search(path.read_bytes()), path
    for key in (commands.home / "vm").rglob("*"):
        if key.is_file() and not key.is_symlink() and b"PRIVATE KEY-----" in key.read_bytes()[:4096]:
            assert key.stat().st_mode & 0o077 == 0, key


def test_a_second_up_changes_nothing_and_enters_no_node(commands: Commands) -> None:
    before = [cluster.logins(commands, node) for node in NODES]
    done = commands.run("up")
    assert done.code == 0, done.text
    assert re.search(r"engine done in .*: \d+ unchanged", done.text)
    assert done.seconds < 15  # 5 s is the promise for a quiet machine
    assert [cluster.logins(commands, node) for node in NODES] == [count + 1 for count in before]


def test_an_edit_is_a_small_diff_and_nginx_serves_it(commands: Commands) -> None:
    commands.write({"cluster": {"name": "e2e"}, "ingress": {"config": {"keep-alive": 71}}})
    preview = commands.run("preview")
    assert preview.code == 0, preview.text
    assert '"65" => "71"' in preview.text
    changed = re.findall(r"^ *(~|\+-|\+|-) ?(\S+:\S+:\S+): \(", preview.text, re.MULTILINE)
    # one object, changed in place, and the gate that measures the front door again
    assert changed == [("~", "kubernetes:core/v1:ConfigMap"), ("+-", "command:local:Command")], preview.text
    done = commands.run("up", UP_SECONDS, show=True)
    assert done.code == 0, done.text
    script = "crictl exec $(crictl ps -q --name '^controller$') grep keepalive_timeout /etc/nginx/nginx.conf"
    for node in ("w1", "w2"):
        end = time.monotonic() + 120  # the controller sees the object, tests the configuration and reloads
        while "71s" not in cluster.shell(commands, node, script):
            assert time.monotonic() < end, f"{node}: nginx still serves the old value"
            time.sleep(2)


def test_a_machine_that_died_is_started_again(commands: Commands) -> None:
    folder = commands.home / "vm" / commands.stack / "w2"
    os.kill(int((folder / "qemu.pid").read_text()), signal.SIGKILL)
    done = commands.run("up", UP_SECONDS, show=True)
    assert done.code == 0, done.text
    assert "w2: machine runs" in done.text
    assert cluster.get(cluster.record(commands, "w2")["ports"]["http"], HOST)[0] == 200


def test_the_kubeconfig_is_a_private_file_that_works(commands: Commands) -> None:
    done = commands.run("kubeconfig")
    assert done.code == 0, done.text
    path = Path(done.text.strip().rpartition("=")[2])
    assert path.stat().st_mode & 0o777 == 0o600
    from offline.binaries import path as program

    asked = subprocess.run(
        [str(program("kubectl")), "--kubeconfig", str(path), "get", "nodes", "--output", "name"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert asked.stdout.split() == [f"node/{node}" for node in NODES]


def test_down_leaves_nothing_behind(commands: Commands) -> None:
    assert cluster.processes(commands)
    done = commands.run("down", 300, show=True)
    assert done.code == 0, done.text
    assert cluster.processes(commands) == []
    assert not (commands.home / "vm").exists()
    assert not list(commands.home.glob("kubeconfig-*"))
    assert commands.run("down").code == 0  # and a second one finds nothing to do
