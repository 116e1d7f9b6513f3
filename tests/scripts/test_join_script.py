"""join.sh and reset.sh: a member is left alone, half a join is reset, no token stays behind."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.scripts.machine import Machine

VALUES = {
    "NODE_NAME": "w1",
    "JOIN_FILE": "/etc/fjordkube/kubeadm/join.yaml",
    "DISCOVERY_FILE": "/run/fjordkube/discovery.conf",
    "KUBELET_DIGEST": "one",
    "LOCK_WAIT": "5",
}
FILES = {"/etc/fjordkube/kubeadm/join.yaml": "kind: JoinConfiguration\n"}
LOOK = "CLUSTER_CA=ca\nDISCOVERY=''\nREGISTERED=yes\n"
JOIN = "CLUSTER_CA=ca\nDISCOVERY='secret token'\nREGISTERED=no\n"
KUBEADM = r"""
K="$ROOT/etc/kubernetes"
case "$1" in
  join)
    cp "$ROOT/run/fjordkube/discovery.conf" "$ROOT/seen"; stat -c %a "$ROOT/run/fjordkube/discovery.conf" >"$ROOT/mode"
    mkdir -p "$K/pki" "$ROOT/var/lib/kubelet/pki"; echo ca >"$K/pki/ca.crt"; echo x >"$K/kubelet.conf"
    echo x >"$ROOT/var/lib/kubelet/pki/kubelet-client-current.pem"; echo x >"$ROOT/var/lib/kubelet/config.yaml"
    touch "$ROOT/run/kubelet" ;;
  reset) rm -rf "$K" "$ROOT/var/lib/kubelet" "$ROOT/run/kubelet" ;;
esac
"""

SYSTEMCTL = '[ "$1" != is-active ] || [ "${@: -1}" = containerd ] || [ -e "$ROOT/run/kubelet" ]'


@pytest.fixture
def worker(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path / "m")
    (machine.root / "run").mkdir()
    machine.program("kubeadm", KUBEADM)
    machine.program("crictl")
    machine.program("systemctl", SYSTEMCTL)
    for name in ("ip", "ipvsadm", "iptables-save", "iptables-restore", "ip6tables-save", "ip6tables-restore", "nft"):
        machine.program(name, "cat >/dev/null </dev/stdin || true" if name.endswith("restore") else "echo '*filter'")
    return machine


def state(machine: Machine, before: str, **values: str) -> str:
    done = machine.run(["reset", "join"], {**VALUES, **values}, FILES, before=before)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["node"] == "w1"
    return str(answer["state"])


def test_asked_to_look_it_only_looks(worker: Machine) -> None:
    assert state(worker, LOOK) == "absent"
    assert worker.calls == []


def test_joins_with_a_private_file_that_does_not_stay(worker: Machine) -> None:
    assert state(worker, JOIN) == "member"
    assert [call.split()[:2] for call in worker.calls] == [["kubeadm", "join"]]
    assert worker.read("/seen") == "secret token"
    assert worker.read("/mode") == "600\n"
    assert not worker.exists("/run/fjordkube/discovery.conf")
    assert worker.exists("/etc/kubernetes/manifests"), "the kubelet would look for it, and say so, every second"


def test_a_runtime_that_does_not_answer_yet_is_waited_for(worker: Machine) -> None:
    # kubeadm's preflight would ask once, and fail
    worker.program("crictl", '[ -e "$ROOT/run/asked" ] || { touch "$ROOT/run/asked"; exit 1; }')
    worker.program("kubeadm", '[ -e "$ROOT/run/asked" ] || exit 1\n' + KUBEADM)
    assert state(worker, JOIN) == "member"
    worker.program("crictl", "exit 1")
    done = worker.run(["reset", "join"], {**VALUES, "LOCK_WAIT": "1"}, FILES, before=JOIN.replace("yes", "no"))
    assert "w1: waiting for an answer of the container runtime" in done.stderr
    assert "runtime (journalctl --unit containerd tells why): not after 1 s" in done.stderr


def test_a_runtime_that_starts_is_waited_for_without_a_program_of_its_own(worker: Machine) -> None:
    later = '[ "$(wc -l <"$ROOT/run/asked")" -ge 3 ]'
    worker.program("systemctl", f'if [ "$3" = containerd ]; then echo >>"$ROOT/run/asked"; {later}; else exit 1; fi')
    assert state(worker, JOIN) == "member"
    assert [call for call in worker.questions if call.startswith("crictl")] == ["crictl version"]


def test_half_a_join_is_not_reset_before_the_runtime_answers(worker: Machine) -> None:
    """kubeadm reset would leave the containers, and the join find their ports taken."""
    worker.write("/etc/kubernetes/bootstrap-kubelet.conf", "old")
    worker.program("crictl", "exit 1")
    done = worker.run(["reset", "join"], {**VALUES, "LOCK_WAIT": "1"}, FILES, before=JOIN)
    assert done.returncode == 1
    assert worker.exists("/etc/kubernetes/bootstrap-kubelet.conf")
    assert not any(call.startswith("kubeadm") for call in worker.calls)


def test_a_member_is_left_alone(worker: Machine) -> None:
    state(worker, JOIN)
    assert state(worker, LOOK) == "member"
    assert worker.calls == []


def test_half_a_join_is_reset_first(worker: Machine) -> None:
    worker.write("/etc/kubernetes/bootstrap-kubelet.conf", "old")
    assert state(worker, JOIN) == "member"
    kubeadm = [call.split()[1] for call in worker.calls if call.startswith("kubeadm")]
    assert kubeadm == ["reset", "join"]


def test_a_node_of_another_cluster_is_no_member(worker: Machine) -> None:
    state(worker, JOIN)
    assert state(worker, LOOK.replace("CLUSTER_CA=ca", "CLUSTER_CA=other")) == "absent"


def test_a_failed_join_leaves_no_token_and_says_what_comes_next(worker: Machine) -> None:
    worker.program("kubeadm", "exit 1")
    worker.program("journalctl")
    done = worker.run(["reset", "join"], VALUES, FILES, before=JOIN)
    assert done.returncode == 1
    assert "The next 'up' resets the node and joins again" in done.stderr
    assert not worker.exists("/run/fjordkube/discovery.conf")


def test_an_edited_kubelet_configuration_is_taken_over_once(worker: Machine) -> None:
    state(worker, JOIN)
    state(worker, LOOK, KUBELET_DIGEST="two")
    assert worker.calls == ["kubeadm upgrade node phase kubelet-config", "systemctl restart kubelet"]
    state(worker, LOOK, KUBELET_DIGEST="two")
    assert worker.calls == []


def test_a_reset_waits_for_the_runtime_and_goes_on_without_one(worker: Machine) -> None:
    worker.program("systemctl", "echo active")
    worker.program("crictl", '[ -e "$ROOT/run/asked" ] || { touch "$ROOT/run/asked"; exit 1; }')
    worker.program("kubeadm", '[ -e "$ROOT/run/asked" ] || exit 1')
    done = worker.run(["reset"], {"RESET": "now"})
    assert "kubeadm reset reported problems" not in done.stderr
    worker.program("crictl", "exit 1")
    done = worker.run(["reset"], {}, after="RUNTIME_WAIT=1\nreset_node\n")
    assert done.returncode == 0
    assert "the container runtime does not answer after 1 s; going on" in done.stderr
    assert any(call.startswith("kubeadm reset") for call in worker.calls)


def test_a_reset_does_not_wait_for_a_runtime_that_does_not_run(worker: Machine) -> None:
    worker.program("systemctl", "echo inactive; exit 3")
    begun = time.monotonic()
    done = worker.run(["reset"], {"RESET": "now"})
    assert time.monotonic() - begun < 20
    assert done.returncode == 0
    assert "runtime" not in done.stderr


def test_reset_alone_clears_ipvs_links_and_cni_but_not_the_host(worker: Machine) -> None:
    for path in ("sys/module/ip_vs", "sys/class/net/kube-ipvs0", "sys/class/net/cali123", "sys/class/net/eth1"):
        (worker.root / path).mkdir(parents=True)
    worker.write("/etc/cni/net.d/10-calico.conflist", "{}")
    worker.write("/etc/modules-load.d/fjordkube.conf", "ip_vs\n")
    done = worker.run(["reset"], {"RESET": "now"})
    assert done.returncode == 0, done.stderr
    calls = worker.calls
    assert "ipvsadm --clear" in calls
    assert "ip link delete kube-ipvs0" in calls
    assert "ip link delete cali123" in calls
    assert "ip link delete eth1" not in calls
    assert "ip -4 route flush proto 12" in calls, "BIRD's routes outlive it"
    assert not worker.exists("/etc/cni/net.d/10-calico.conflist")
    assert worker.exists("/etc/modules-load.d/fjordkube.conf")
