"""The gates' verbs as Pulumi runs them: figures on stdout, and failures that say what to do."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from fjordkube.gates.common import Promised, Question
from fjordkube.gates.gates import questions
from fjordkube.helpers.gates import bgp
from fjordkube.node import with_keys_apart
from fjordkube.timing import NATIVE
from tests.golden.bootstrap_cluster import stack
from tests.scripts.machine import Machine
from tests.unit.helpers.fakes import FakeApi, node_machine, run, running
from tests.unit.helpers.front import Front, listening
from tests.unit.helpers.test_gate_decisions import Web8080, open_door
from tests.unit.helpers.test_gate_readings import captured, packet

NAMES = {"cp1": 11, "w1": 101, "w2": 102}
PODS = {name: f"10.244.{last}.5" for name, last in NAMES.items()}
CALICO = "/apis/apps/v1/namespaces/kube-system/daemonsets"
PROBES = "/api/v1/namespaces/fjordkube-gates/pods"
SERVICE = "/api/v1/namespaces/demo/services/demo"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/demo/endpointslices"


def question(name: str, **changes: Any) -> Question:
    (found,) = (each for each in questions(Promised.of(stack(**changes)), NATIVE) if each.name == name)
    return found


@pytest.fixture
def machines(tmp_path: Path) -> dict[str, Machine]:
    """Three nodes behind the pretended ssh."""
    return {name: node_machine(tmp_path, 2200 + last) for name, last in NAMES.items()}


@pytest.fixture
def environment(api: FakeApi, base: dict[str, str]) -> dict[str, str]:
    common = {"host": "127.0.0.1", "user": "root", "key": "PRIVATE KEY", "host_key": "ssh-ed25519 AAAA"}
    nodes = [
        {"name": name, "address": f"192.168.77.{last}", "interface": "eth1", "port": 2200 + last, **common}
        for name, last in NAMES.items()
    ]
    return {
        **base,
        "FJORDKUBE_KUBECONFIG": api.kubeconfig(),
        "FJORDKUBE_NODES": with_keys_apart(nodes),
        "FJORDKUBE_WAIT": "1",
    }


def asked(environment: dict[str, str], which: Question, **more: Any) -> dict[str, str]:
    assert which.script is not None or more
    return {
        **environment,
        "FJORDKUBE_SCRIPT": which.script or "",
        "FJORDKUBE_GATE": json.dumps({**which.asked, **more}),
    }


def figures(verb: str, environment: dict[str, str]) -> dict[str, Any]:
    done = run(verb, environment)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert "PRIVATE KEY" not in done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found.pop("waited_seconds") >= 0
    return found


def failed(verb: str, environment: dict[str, str]) -> str:
    done = run(verb, environment)
    assert done.returncode == 1, done.stdout
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    for words in ("error: gate", "  measured: ", "  needed: ", "  to do: "):
        assert words in done.stderr
    return done.stderr


def logins(tmp_path: Path) -> int:
    return (tmp_path / "arguments").read_text().count("exec bash -s")


# --- bgp ---


@pytest.fixture
def mesh(api: FakeApi, machines: dict[str, Machine]) -> dict[str, Machine]:
    status = {"observedGeneration": 1, "numberReady": 3, "updatedNumberScheduled": 3}
    api.objects[CALICO] = {"items": [{"metadata": {"name": "calico-node", "generation": 1}, "status": status}]}
    blocks = [
        {
            "metadata": {"name": f"{name}-10-244-{last}-0-26"},
            "spec": {"cidr": f"10.244.{last}.0/26", "node": name, "state": "confirmed", "deleted": "false"},
        }
        for name, last in NAMES.items()
    ]
    api.objects[bgp.BLOCKS] = {"items": blocks}
    for name, machine in machines.items():
        peers = [last for peer, last in NAMES.items() if peer != name]
        rows = "".join(f" Mesh_192_168_77_{last} BGP master up 13:07:41 Established\n" for last in peers)
        machine.write("/var/run/calico/bird.ctl")
        machine.program("socat", f"read -r _; printf '0001 ready.\\n{rows}0000 \\n'; cat >/dev/null")
        routes = "".join(f"10.244.{last}.0/26 via 192.168.77.{last} dev eth1\n" for last in peers)
        machine.program("ip", f"[ \"$1\" = -d ] || printf '{routes}'")
    return machines


def test_bgp_counts_sessions_at_both_ends(
    mesh: dict[str, Machine], environment: dict[str, str], tmp_path: Path
) -> None:
    assert figures("bgp", asked(environment, question("bgp"))) == {
        "nodes": 3,
        "sessions_established": 6,
        "sessions_expected": 6,
        "tunnel_devices": 0,
        "routes": 6,
    }
    assert logins(tmp_path) == 3


def test_bgp_leaves_nodes_alone_until_calico_is_ready(
    mesh: dict[str, Machine], api: FakeApi, environment: dict[str, str], tmp_path: Path
) -> None:
    api.objects[CALICO]["items"][0]["status"]["numberReady"] = 0
    assert "measured: calico-node is ready on 0 of 3 nodes" in failed("bgp", asked(environment, question("bgp")))
    assert not (tmp_path / "arguments").exists()
    assert api.asked == [f"GET {CALICO}", f"WATCH {CALICO}"]


def test_bgp_names_a_tunnel(mesh: dict[str, Machine], environment: dict[str, str]) -> None:
    mesh["w1"].program("ip", r"""echo '9: tunl0@NONE: <NOARP> mtu 1480 \    link/ipip \    ipip any remote any'""")
    text = failed("bgp", asked(environment, question("bgp")))
    assert "w1: device tunl0 (ipip)" in text
    assert "no device of kind vxlan, ipip, wireguard" in text
    assert "modprobe -r ipip" in text


def test_bgp_with_encapsulation_asks_for_sessions_alone(mesh: dict[str, Machine], environment: dict[str, str]) -> None:
    for machine in mesh.values():
        machine.program("ip", "exit 1")
    found = figures("bgp", asked(environment, question("bgp", network={"encapsulation": "vxlan-cross-subnet"})))
    assert (found["sessions_established"], found["tunnel_devices"], found["routes"]) == (6, None, None)


def test_bgp_waits_for_a_node_that_does_not_answer_yet(mesh: dict[str, Machine], environment: dict[str, str]) -> None:
    mesh["w2"].program("bash", "echo 'Connection refused' >&2; exit 255")
    text = failed("bgp", asked(environment, question("bgp")))
    assert "w2: no SSH connection (Connection refused)" in text


def test_bgp_ends_at_once_when_a_node_lacks_a_program(mesh: dict[str, Machine], environment: dict[str, str]) -> None:
    unmet = {**asked(environment, question("bgp")), "FJORDKUBE_SCRIPT": "echo 'error: socat is missing' >&2; exit 1"}
    done = run("bgp", {**unmet, "FJORDKUBE_WAIT": "60"})
    assert done.returncode == 1
    assert "cp1: the script on the node failed: error: socat is missing" in done.stderr


# --- data path ---


@pytest.fixture
def path(api: FakeApi, machines: dict[str, Machine]) -> dict[str, Machine]:
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    api.objects[PROBES] = {
        "items": [
            {"metadata": {"name": f"probe-{name}"}, "spec": {"nodeName": name}, "status": {"podIP": address, **ready}}
            for name, address in PODS.items()
        ]
    }
    names = list(NAMES)
    for number, (name, machine) in enumerate(machines.items()):
        pod, peer = PODS[name], PODS[names[(number + 1) % 3]]
        seen = captured(*[packet(pod, peer, 1), packet(peer, pod, 1)] * 5).replace("\n", "")
        machine.write("/run/netns/cni-1")
        machine.write("/sys/class/net/eth1/mtu", "1500\n")
        machine.write("/seen", seen)
        machine.program(
            "ip", 'case "$*" in *"route get"*) echo "x dev cali1 src" ;; *) echo "link-netns cni-1" ;; esac'
        )
        inside = f"echo '3: eth0: mtu 1500'; echo ' inet {pod}/32'"
        machine.program("nsenter", f'shift; case "$1" in ip) {inside} ;; *) "$@" ;; esac')
        machine.program("ping", "echo '5 packets transmitted, 5 received'; echo 'rtt min/avg/max/mdev = 0/0.8/1/0 ms'")
        machine.program("tcpdump", "echo 'listening on' >&2; trap 'exit 0' TERM; sleep 5 & wait $!")
        machine.program("base64", 'cat "$ROOT/seen"; echo')
        machine.program("curl", 'case "$*" in *"--max-time 5"*) printf 200 ;; *) printf 000; exit 28 ;; esac')
    return machines


def test_data_path_goes_round_and_counts(path: dict[str, Machine], environment: dict[str, str], tmp_path: Path) -> None:
    found = figures("data-path", asked(environment, question("data-path")))
    each = found.pop("by_pair")
    assert [(pair["from"], pair["to"]) for pair in each] == [("cp1", "w1"), ("w1", "w2"), ("w2", "cp1")]
    assert found == {
        "pairs": 3,
        "mtu": 1500,
        "nic_mtu": 1500,
        "loss_percent": 0.0,
        "rtt_average_ms": 0.8,
        "native_packets": 30,
        "encapsulated_packets": 0,
        "requests_allowed": 3,
        "requests_dropped": 3,
    }
    assert logins(tmp_path) == 3


def test_data_path_says_what_a_provider_must_switch_off(path: dict[str, Machine], environment: dict[str, str]) -> None:
    path["w1"].program("ping", "echo '5 packets transmitted, 0 received'; exit 1")
    text = failed("data-path", asked(environment, question("data-path")))
    assert "measured: w1 to w2: 0 of 5 pings of 1500 bytes came back" in text
    assert "anti-spoofing" in text
    # where pings are lost, nobody waits for what a pod is answered
    assert not any("--max-time 5" in call for call in path["w1"].questions)


def test_data_path_finds_a_policy_that_is_not_enforced(path: dict[str, Machine], environment: dict[str, str]) -> None:
    path["w2"].program("curl", "printf 200")
    text = failed("data-path", asked(environment, question("data-path")))
    assert "measured: w2 to cp1: HTTP from the node itself: status 200, where the policy drops it" in text


def test_data_path_waits_for_every_probe(path: dict[str, Machine], api: FakeApi, environment: dict[str, str]) -> None:
    api.objects[PROBES]["items"].pop()
    assert "measured: no probe runs on w2" in failed("data-path", asked(environment, question("data-path")))
    assert not any(machine.questions for machine in path.values())  # entered, and not asked


# --- ipvs ---


@pytest.fixture
def tables(api: FakeApi, machines: dict[str, Machine]) -> dict[str, Machine]:
    port = {"name": "http", "port": 80, "protocol": "TCP"}
    api.objects[SERVICE] = {"spec": {"clusterIP": "10.96.23.7", "ports": [port]}}
    endpoint = {"addresses": ["10.244.1.3"], "conditions": {"ready": True}}
    ports = [{"name": "http", "port": 8080, "protocol": "TCP"}]
    entry = {"metadata": {"name": "demo-1"}, "addressType": "IPv4", "ports": ports}
    api.objects[SLICES] = {"items": [{**entry, "endpoints": [endpoint]}]}
    for machine in machines.values():
        machine.program("ipvsadm", "echo 'TCP  10.96.23.7:80 rr'; echo '  -> 10.244.1.3:8080 Masq 1 0 0'")
    return machines


def test_ipvs_finds_the_service_in_every_table(
    tables: dict[str, Machine], environment: dict[str, str], tmp_path: Path
) -> None:
    assert figures("ipvs", asked(environment, question("ipvs"))) == {
        "nodes": 3,
        "nodes_holding": 3,
        "service": "demo/demo",
        "addresses": ["10.96.23.7:80/TCP"],
        "scheduler": "rr",
        "real_servers": 1,
        "virtual_services": 1,
    }
    assert logins(tmp_path) == 3


def test_ipvs_says_why_a_table_is_empty(tables: dict[str, Machine], environment: dict[str, str]) -> None:
    tables["w2"].program("ipvsadm", 'echo "Can\'t initialize ipvs: Protocol not available"; exit 255')
    text = failed("ipvs", asked(environment, question("ipvs")))
    assert "measured: w2: 10.96.23.7:80/TCP is not in its table of 0 virtual services" in text
    assert "'lsmod' must show ip_vs" in text


def test_ipvs_without_a_demo_looks_for_the_clusters_dns() -> None:
    found = question("ipvs", demo={"enabled": False}, kube_proxy={"scheduler": "wlc"}).asked
    assert found == {"namespace": "kube-system", "service": "kube-dns", "scheduler": "wlc"}


def test_ipvs_leaves_nodes_alone_until_there_are_endpoints(
    tables: dict[str, Machine], api: FakeApi, environment: dict[str, str], tmp_path: Path
) -> None:
    api.objects[SLICES]["items"][0]["endpoints"].clear()
    text = failed("ipvs", asked(environment, question("ipvs")))
    assert "measured: Service demo/demo has no ready endpoints" in text
    assert not (tmp_path / "arguments").exists()


# --- what a wait costs, and how soon its end is seen ---


def first_line(gate: subprocess.Popen[str]) -> str:
    assert gate.stderr is not None
    return gate.stderr.readline()


@pytest.mark.parametrize("verb", ["bgp", "data-path", "ipvs"])
def test_a_wait_costs_the_api_two_requests_and_its_end_is_seen_at_once(
    verb: str, request: pytest.FixtureRequest, api: FakeApi, environment: dict[str, str], tmp_path: Path
) -> None:
    """Asked every 3 s, the API answered 20 times a minute, for `ipvs` 40 times."""
    where, fixture = {"bgp": (CALICO, "mesh"), "data-path": (PROBES, "path"), "ipvs": (SLICES, "tables")}[verb]
    request.getfixturevalue(fixture)
    whole = api.objects[where]["items"][0]
    lacking = json.loads(json.dumps(whole))
    if verb == "bgp":
        lacking["status"]["numberReady"] = 2
    elif verb == "data-path":
        lacking["status"]["conditions"][0]["status"] = "False"
    else:
        lacking["endpoints"][0]["conditions"]["ready"] = False
    api.objects[where] = {"items": [lacking, *api.objects[where]["items"][1:]]}
    with running(verb, asked({**environment, "FJORDKUBE_WAIT": "60"}, question(verb))) as gate:
        told = first_line(gate)  # after 5 s, and so after several looks
        waited = list(api.asked)
        assert logins(tmp_path) == 3  # before anything is asked of a node
        api.objects[where] = {"items": [whole, *api.objects[where]["items"][1:]]}
        begun = time.monotonic()
        _, more = gate.communicate(timeout=30)
        seconds = time.monotonic() - begun
    assert (gate.returncode, more) == (0, ""), told  # one line in all, and not one for each look
    assert waited == [*([f"GET {SERVICE}"] if verb == "ipvs" else []), f"GET {where}", f"WATCH {where}"]
    assert api.connections == (2 if verb == "bgp" else 1)
    assert seconds < 3  # of the data path, one is for a capture that may be behind


@pytest.mark.parametrize("verb", ["bgp", "ipvs"])
def test_what_changes_on_a_node_alone_is_seen_within_3_seconds(
    verb: str, request: pytest.FixtureRequest, api: FakeApi, environment: dict[str, str], tmp_path: Path
) -> None:
    nodes = request.getfixturevalue({"bgp": "mesh", "ipvs": "tables"}[verb])
    program = {"bgp": "socat", "ipvs": "ipvsadm"}[verb]
    whole = (nodes["w2"].folder / "bin" / program).read_text()
    nodes["w2"].program(program)
    with running(verb, asked({**environment, "FJORDKUBE_WAIT": "60"}, question(verb))) as gate:
        told = first_line(gate)
        waited = list(api.asked)
        (nodes["w2"].folder / "bin" / program).write_text(whole)
        begun = time.monotonic()
        _, more = gate.communicate(timeout=30)
        seconds = time.monotonic() - begun
    assert gate.returncode == 0, told + more
    assert seconds < 3
    assert len(waited) <= 3  # nodes are asked over and over, the API is not
    assert set(api.asked[len(waited) :]) <= {f"GET {bgp.BLOCKS}", f"WATCH {bgp.BLOCKS}"}
    assert logins(tmp_path) == 3


# --- ingress ---


def door(name: str, port: int) -> dict[str, Any]:
    return {"name": name, "address": "127.0.0.1", "port": port}


def test_ingress_asks_every_door_in_a_row(environment: dict[str, str]) -> None:
    with open_door(Web8080(404, 200, pod="demo-1")) as one, open_door(Web8080(200, pod="demo-2")) as two:
        targets = [door("w1", one.port), door("w2", two.port)]
        found = figures("ingress", asked({**environment, "FJORDKUBE_WAIT": "30"}, question("ingress"), targets=targets))
    assert 0 < found.pop("p50_ms") <= found.pop("p99_ms")
    assert found == {
        "nodes": 2,
        "host": "demo.fjord.internal",
        "urls": [one.url, two.url],
        "requests": 40,
        "failures": 0,
        "pods": 2,
    }


def test_ingress_names_a_closed_door(environment: dict[str, str]) -> None:
    text = failed("ingress", asked(environment, question("ingress"), targets=[door("w1", 1)]))
    assert "measured: w1: no answer at http://127.0.0.1:1/ (connection refused)" in text
    assert "20 times in a row status 200 from the demo (Host: demo.fjord.internal)" in text


def test_ingress_without_any_door_does_not_wait(environment: dict[str, str]) -> None:
    text = failed("ingress", asked({**environment, "FJORDKUBE_WAIT": "60"}, question("ingress"), targets=[]))
    assert "measured: no node has a port for HTTP from outside" in text


def test_ingress_goes_the_way_that_the_front_door_is_configured(environment: dict[str, str], certificate: Path) -> None:
    plain, secret = Front(proxy=True, status=301, location="https://demo.fjord.internal/"), Front(proxy=True)
    config = {"use-proxy-protocol": True, "force-ssl-redirect": True, "http-redirect-code": 301}
    with listening(plain) as port, listening(secret, certificate) as https_port:
        targets = [{**door("w1", port), "https_port": https_port}]
        found = figures("ingress", asked(environment, question("ingress", ingress={"config": config}), targets=targets))
    assert (found["requests"], found["redirect"], found["urls"]) == (20, 301, [f"https://127.0.0.1:{https_port}/"])
    assert len(plain.headers) == len(secret.headers)
    assert "PROXY TCP4 127.0.0.1 " in secret.headers[-1]
