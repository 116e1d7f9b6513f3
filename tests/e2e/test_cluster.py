"""A real cluster on virtual machines, end to end: up (killed once on the way), again, an edit, a dead machine, down."""

from __future__ import annotations

import re
import time
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import yaml

from fjordkube.firewall import admits
from fjordkube.settings import Stack, load
from fjordkube.settings.nodes.node import Role
from tests.e2e import cluster, example, ports
from tests.engine.command import Commands
from tests.golden.bootstrap_cluster import local_policy

UP_SECONDS = 1500
"""Bound of one `up`; measured figures are in docs/offline.md."""
HOST = "demo.fjord.internal"
NODES = ("cp1", "w1", "w2")


def test_an_up_that_is_killed_is_completed_by_the_next(commands: Commands) -> None:
    # 5 s later it is in the middle of kubeadm init
    commands.cut_off("up", "cp1: prepared as a Kubernetes host", after=5)

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


def settings_of(commands: Commands) -> Stack:
    return load(yaml.safe_load(commands.settings.read_text())["config"]["fjordkube:stack"])


def role_of(node: str) -> Role:
    return "control-plane" if node.startswith("cp") else "worker"


def test_from_outside_only_the_ports_of_the_table_answer(commands: Commands) -> None:
    """Every port that a node listens on, at each address; everything else must be silent: not even refused."""
    settings = settings_of(commands)
    policy = local_policy(settings)
    services = IPv4Network(settings.kubernetes.service_cidr)
    targets: dict[ports.Target, bool] = {}
    for node in NODES:
        private = settings.nodes.addresses[node]
        heard = ports.listening(cluster.shell(commands, node, "ss -tlnH"))
        assert {port for _, port in heard} >= {22, 179, 10250}, heard
        at = {(each, port) for address, port in heard for each in _addresses(address, private)}
        # NodePorts (none is given out), and ports that nobody listens on
        at |= {(ports.GUEST, port) for port in (30000, 31000, 32767, 1, 5000, 8080)}
        at |= ports.service_addresses(cluster.shell(commands, node, "ipvsadm -Ln"), services)
        for address, port in at:
            inside = IPv4Address(address) in services
            targets[ports.Target(node, address, port)] = not inside and admits(
                policy, role_of(node), ports.CALLER, port
            )
    monitors = {node: ports.monitor(commands, node) for node in NODES}
    seen = ports.outcomes(monitors, targets)
    for target, outcome in sorted(seen.items()):
        print(f"{target.node} {target.address}:{target.port} {outcome}")
    wrong = {
        target: outcome for target, outcome in seen.items() if outcome != ("answers" if targets[target] else "silent")
    }
    assert wrong == {}
    answering = {
        node: {target.port for target, is_open in targets.items() if target.node == node and is_open} for node in NODES
    }
    assert answering == {"cp1": {22, 6443}, "w1": {22, 80, 443}, "w2": {22, 80, 443}}


def test_the_same_question_finds_open_ports_where_the_firewall_is_away(commands: Commands) -> None:
    """What makes the test above able to fail."""
    private = settings_of(commands).nodes.addresses["cp1"]
    expected: dict[ports.Target, ports.Outcome] = {
        ports.Target("cp1", ports.GUEST, 10250): "answers",
        ports.Target("cp1", private, 2379): "answers",
        ports.Target("cp1", ports.GUEST, 31000): "closed",
    }
    monitors = {"cp1": ports.monitor(commands, "cp1")}
    cluster.shell(commands, "cp1", "nft delete table inet fjordkube")
    try:
        assert ports.outcomes(monitors, expected) == expected
    finally:
        cluster.shell(commands, "cp1", "nft -f /etc/fjordkube/firewall.nft")
    assert set(ports.outcomes(monitors, expected).values()) == {"silent"}


def test_inside_the_private_network_nodes_reach_what_the_table_says(commands: Commands) -> None:
    """From an address that is no node's, so that BIRD hears of no peer that starts anew."""
    addresses = settings_of(commands).nodes.addresses
    script = """
        caller=192.168.77.250
        ip address add $caller/32 dev eth1
        trap 'ip address del $caller/32 dev eth1' EXIT
        ask="curl -s -o /dev/null --interface $caller --connect-timeout 8 --max-time 10 -w %{time_connect}"
        for target in TARGETS; do
          took=$($ask http://$target/) ended=$?
          # the time is 0 where nobody connected; 28: nobody said no either
          case $took/$ended in 0.000000/28) word=silent ;; 0.000000/*) word=closed ;; *) word=open ;; esac
          echo $target $word
        done
    """
    asked = {"cp1": (179, 10250, 6443, 2379, 22), "w2": (179, 10250, 10254, 8443, 22)}
    words = [f"{addresses[node]}:{port}" for node, some in asked.items() for port in some]
    text = cluster.shell(commands, "w1", script.replace("TARGETS", " ".join(words)))
    found = dict(line.split() for line in text.splitlines())
    policy = local_policy(settings_of(commands))
    for node, some in asked.items():
        for port in some:
            is_open = admits(policy, role_of(node), "192.168.77.250", port)
            assert found[f"{addresses[node]}:{port}"] == ("open" if is_open else "silent"), found
    assert found[f"{addresses['cp1']}:179"] == found[f"{addresses['cp1']}:10250"] == "open"
    # a control plane is let in where another node is not
    webhook = f"timeout 20 bash -c '</dev/tcp/{addresses['w2']}/8443' && echo open"
    assert cluster.shell(commands, "cp1", webhook).strip() == "open"
    for node in NODES:
        sessions = cluster.shell(commands, node, "ss -tnH state established '( sport = :179 or dport = :179 )'")
        assert len(sessions.splitlines()) == len(NODES) - 1, sessions


def _addresses(address: str, private: str) -> tuple[str, ...]:
    """Where a socket's address is asked for: all of the node's, for one that listens on all."""
    return (ports.GUEST, private) if address == "0.0.0.0" else (address,)


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
    print(f"a second up: {done.seconds:.1f} s", flush=True)
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
    cluster.kill(commands, "w2")
    done = commands.run("up", UP_SECONDS, show=True)
    assert done.code == 0, done.text
    assert "w2: machine runs" in done.text
    assert cluster.get(cluster.record(commands, "w2")["ports"]["http"], HOST)[0] == 200


def kubeconfig_of(commands: Commands) -> Path:
    done = commands.run("kubeconfig")
    assert done.code == 0, done.text
    return Path(done.text.strip().rpartition("=")[2])


def test_the_kubeconfig_is_a_private_file_that_works(commands: Commands) -> None:
    path = kubeconfig_of(commands)
    assert path.stat().st_mode & 0o777 == 0o600
    assert example.kubectl(path, "get", "nodes", "--output", "name").split() == [f"node/{node}" for node in NODES]


def test_down_leaves_nothing_behind(commands: Commands) -> None:
    assert cluster.processes(commands)
    done = commands.run("down", 300, show=True)
    assert done.code == 0, done.text
    assert cluster.processes(commands) == []
    assert not (commands.home / "vm").exists()
    assert not list(commands.home.glob("kubeconfig-*"))
    assert commands.run("down").code == 0  # and a second one finds nothing to do
