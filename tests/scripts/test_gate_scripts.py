"""gate-*.sh and questions.sh: a conversation over one standard input, and what each answer holds."""

from __future__ import annotations

import base64
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from fjordkube.helpers.gates.targets import sections
from fjordkube.helpers.session import END
from fjordkube.helpers.ssh import function
from fjordkube.shell import shell
from tests.scripts.machine import Machine

VALUES = {"IDLE_SECONDS": "20", "COUNT": "5", "PORT": "8080", "WEB_SECONDS": "7", "DROP_SECONDS": "3"}
POD, PEER = "10.244.1.3", "10.244.2.4"
BIRD = "0001 BIRD 1.6.8 ready.\n1002-Mesh_192_168_77_102 BGP      master   up     13:07:41    Established\n0000 \n"
ADDRESS = f"3: eth0@if7: <UP> mtu 1480 qdisc noqueue state UP\n    inet {POD}/32 scope global eth0"


def talk(
    machine: Machine, gate: str, questions: Sequence[str], code: int = 0, **values: str
) -> subprocess.CompletedProcess[str]:
    """A whole conversation, as helpers/session.py would have it."""
    before = ["bird"] if gate == "bgp" else []
    text = function(shell([*before, f"gate-{gate}", "questions"], {**VALUES, **values}), {})
    done = subprocess.run(
        ["bash", "-s"],
        input=text + "fjordkube; exit\n" + "".join(f"{question}\n" for question in questions),
        env={
            "PATH": f"{machine.folder / 'bin'}:{os.environ['PATH']}",
            "FJORDKUBE_ROOT": str(machine.root),
            "CALLS": str(machine.folder / "calls"),
        },
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done


def answers(machine: Machine, gate: str, *questions: str) -> list[str]:
    text = talk(machine, gate, questions).stdout
    assert text.count(f"\n{END}\n") == len(questions)
    return text.split(f"\n{END}\n")[:-1]


@pytest.fixture
def node(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "m")


def with_bird(machine: Machine) -> Machine:
    machine.write("/var/run/calico/bird.ctl")
    machine.program(
        "socat", f"read -r question; [ \"$question\" != 'show protocols' ] || printf '{BIRD}'; cat >/dev/null"
    )
    return machine


def with_pod(machine: Machine, link: str = "link-netns cni-2") -> Machine:
    """A node with two pods, of which the second is the probe."""
    for name in ("cni-1", "cni-2"):
        machine.write(f"/run/netns/{name}")
    machine.write("/sys/class/net/eth1/mtu", "1500\n")
    machine.program(
        "ip",
        f"""case "$*" in
  "-4 -o route get {POD}") echo "{POD} dev cali0ab src 192.168.77.101 uid 0 \\    cache" ;;
  "-4 -o route get "*) echo "{PEER} via 192.168.77.102 dev eth1 src 192.168.77.101 uid 0 \\    cache" ;;
  "-o link show dev cali0ab") echo "7: cali0ab@if3: <UP> mtu 1480 {link}" ;;
esac""",
    )
    machine.program(
        "nsenter",
        f"""file=$1; shift
case "$file $*" in
  *cni-2" ip "*) printf '%s\\n' '{ADDRESS}' ;;
  *" ip "*) echo "    inet 10.244.1.9/32 scope global eth0" ;;
  *) "$@" ;;
esac""",
    )
    machine.program("ping", "echo '5 packets transmitted, 5 received, 0% packet loss, time 1217ms'")
    machine.program(
        "tcpdump", "echo 'tcpdump: listening on eth1' >&2; printf pcap; trap 'exit 0' TERM; sleep 5 & wait $!"
    )
    machine.program("curl", 'case "$*" in *"--max-time 7"*) printf 200 ;; *) printf 000; exit 28 ;; esac')
    return machine


def test_bird_is_asked_once_for_each_question(node: Machine) -> None:
    found = answers(with_bird(node), "bgp", "sessions", "sessions")
    assert found == [BIRD, BIRD]
    assert node.calls == [f"socat -t 5 - UNIX-CONNECT:{node.root}/var/run/calico/bird.ctl"] * 2


def test_no_bird_yet_is_an_empty_answer(node: Machine) -> None:
    node.program("socat", "exit 1")
    assert answers(node, "bgp", "sessions") == [""]
    assert node.calls == []
    node.write("/var/run/calico/bird.ctl")
    assert answers(node, "bgp", "sessions", "sessions") == ["", ""]


def test_network_holds_sessions_devices_and_routes(node: Machine) -> None:
    with_bird(node).program("ip", 'echo "$*"')
    (found,) = answers(node, "bgp", "network")
    assert sections(found) == {
        "sessions": BIRD.rstrip("\n"),
        "links": "-d -o link show",
        "routes": "-4 route show proto 12",
    }


def test_a_missing_program_is_named_before_any_question(node: Machine) -> None:
    for gate, program in (("bgp", "socat"), ("ipvs", "ipvsadm"), ("data-path", "tcpdump")):
        for other in ("nsenter", "ping", "base64", "curl"):
            node.program(other)
        done = talk(node, gate, ["sessions"], code=1)
        assert f"error: {program} is missing on this node: install it" in done.stderr
        assert END not in done.stdout


@pytest.mark.parametrize("link", ["link-netns cni-2", "link-netnsid 3"])
def test_the_pods_namespace_is_found_by_name_or_by_trying_all(node: Machine, link: str) -> None:
    (found,) = answers(
        with_pod(node, link), "data-path", f"measure {POD} {PEER} eth1 (icmp and host {POD}) or ip proto 4"
    )
    parts = sections(found)
    assert parts["pod"] == "1480 1500"
    assert "5 received" in parts["ping"]
    assert base64.b64decode(parts["capture"]) == b"pcap"
    calls = node.questions
    (ping,) = (call for call in calls if call.startswith("ping"))
    assert ping == f"ping -n -M do -c 5 -i 0.3 -W 5 -s 1452 {PEER}"
    (watched,) = (call for call in calls if call.startswith("tcpdump"))
    assert watched.startswith("tcpdump -i eth1 -p -n -s 96 -U --immediate-mode -Z root -w - (icmp and host")
    assert not list(node.root.glob("run/fjordkube/*.pcap"))


def test_a_pod_of_another_node_is_no_answer(node: Machine) -> None:
    assert answers(with_pod(node), "data-path", f"measure {PEER} {POD} eth1 icmp") == [""]
    assert not any(call.startswith(("tcpdump", "ping", "curl")) for call in node.questions)


def test_a_capture_that_cannot_start_is_an_empty_one(node: Machine) -> None:
    with_pod(node).program("tcpdump", "echo 'tcpdump: eth9: No such device exists' >&2; exit 1")
    done = talk(node, "data-path", [f"measure {POD} {PEER} eth1 icmp"])
    assert sections(done.stdout.split(f"{END}\n")[0])["capture"] == ""
    assert "No such device exists" in done.stderr


def test_status_and_curls_own_are_told_for_both_ways(node: Machine) -> None:
    (found,) = answers(with_pod(node), "data-path", f"measure {POD} {PEER} eth1 icmp")
    parts = sections(found)
    assert (parts["inside"], parts["outside"]) == ("200 0", "000 28")
    curls = [call for call in node.questions if call.startswith("curl")]
    assert len(curls) == 2
    assert all(call.endswith(f"http://{PEER}:8080/healthz") for call in curls)


def measured(node: Machine) -> tuple[dict[str, str], float]:
    """The data path's parts, and the seconds that they took."""
    begun = time.monotonic()
    (found,) = answers(node, "data-path", f"measure {POD} {PEER} eth1 icmp")
    return sections(found), time.monotonic() - begun


def test_what_is_dropped_takes_its_time_beside_the_rest_and_not_after_it(node: Machine) -> None:
    """Under emulation that is 10 s, and they were the last of `up`."""
    with_pod(node)
    node.program("curl", 'case "$*" in *"--max-time 7"*) printf 200 ;; *) sleep 4; printf 000; exit 28 ;; esac')
    node.program("ping", "sleep 2; echo '5 packets transmitted, 5 received, 0% packet loss, time 1217ms'")
    found, took = measured(node)
    assert took < 5.5
    assert found["outside"] == "000 28"


def test_where_no_ping_comes_back_nobody_waits_for_requests(node: Machine) -> None:
    with_pod(node)
    node.program("ping", "echo '5 packets transmitted, 0 received'; exit 1")
    node.program("curl", "exec sleep 8 >/dev/null 2>&1")
    found, took = measured(node)
    assert took < 5
    assert found.keys() == {"pod", "ping", "capture"}


def test_the_ipvs_table_as_it_is_or_why_there_is_none(node: Machine) -> None:
    node.program("ipvsadm", 'echo "$1"')
    assert answers(node, "ipvs", "table") == ["-Ln\n"]
    node.program("ipvsadm", 'echo "Can\'t initialize ipvs: Protocol not available" >&2; exit 255')
    assert answers(node, "ipvs", "table") == ["Can't initialize ipvs: Protocol not available\n"]


def test_a_question_is_never_a_command_and_nobody_reads_the_next_one(node: Machine) -> None:
    node.program("ipvsadm", "cat")
    assert answers(node, "ipvs", "touch /tmp/x", "table", "table") == ["", "", ""]
    assert node.calls == ["ipvsadm -Ln"] * 2


def test_a_conversation_that_nobody_continues_ends_by_itself(node: Machine) -> None:
    node.program("ipvsadm")
    text = function(shell(["gate-ipvs", "questions"], {**VALUES, "IDLE_SECONDS": "1"}), {}) + "fjordkube; exit\n"
    environment = {"PATH": f"{node.folder / 'bin'}:{os.environ['PATH']}", "CALLS": str(node.folder / "calls")}
    with subprocess.Popen(["bash", "-s"], stdin=subprocess.PIPE, text=True, env=environment) as waiting:
        assert waiting.stdin is not None
        waiting.stdin.write(text)
        waiting.stdin.flush()
        assert waiting.wait(timeout=20) == 0
