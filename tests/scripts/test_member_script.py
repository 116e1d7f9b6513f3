"""member.sh: start, leave alone, complete, join, refuse; and peer.sh, what another control plane is asked for."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.scripts.machine import Machine

ENCRYPTION = "/etc/kubernetes/pki/secrets-encryption.yaml"
VALUES = {
    "SECRETS_ENCRYPTION_FILE": ENCRYPTION,
    "SECRETS_KEY": "1",
    "NODE_NAME": "cp1",
    "API_PORT": "6443",
    "API_WAIT": "3",
    "ETCD_DATA": "/var/lib/etcd/data",
    "ETCD_DEVICE": "LABEL=etcd",
    "INIT_FILE": "/etc/fjordkube/kubeadm/init.yaml",
    "JOIN_FILE": "/etc/fjordkube/kubeadm/join.yaml",
    "DISCOVERY_FILE": "/run/fjordkube/discovery.conf",
}
FILES = {
    "/etc/fjordkube/kubeadm/init.yaml": "kind: InitConfiguration\n",
    "/etc/fjordkube/kubeadm/join.yaml": "kind: JoinConfiguration\ncontrolPlane:\n  localAPIEndpoint: {}\n",
}
INIT = "kubeadm init --config {root}/etc/fjordkube/kubeadm/init.yaml --skip-token-print --skip-phases="
STARTS = """
case "$1 $2" in
  "init --config")
    mkdir -p "$ROOT/etc/kubernetes/manifests" "$ROOT/etc/kubernetes/pki" "$ROOT/var/lib/kubelet"
    echo ca >"$ROOT/etc/kubernetes/pki/ca.crt"; cp "$ROOT/etc/kubernetes/pki/secrets-encryption.yaml" "$ROOT/read"
    echo c >"$ROOT/var/lib/kubelet/config.yaml"
    for f in etcd kube-apiserver; do echo x >"$ROOT/etc/kubernetes/manifests/$f.yaml"; done
    echo "server: https://super" >"$ROOT/etc/kubernetes/super-admin.conf"
    echo "server: https://admin" >"$ROOT/etc/kubernetes/admin.conf" ;;
esac
touch "$ROOT/run/api" "$ROOT/run/kubelet"
"""


@pytest.fixture
def prepared(tmp_path: Path) -> Machine:
    """A host with nothing of a cluster on it; its kubeadm and API are pretended."""
    machine = Machine(tmp_path / "m")
    (machine.root / "run").mkdir()
    machine.program("kubeadm", STARTS)
    machine.program("curl", '[[ "$*" != *127.0.0.1* || -e "$ROOT/run/api" ]] && [[ "$*" != *peer* ]] && echo -n ok')
    machine.program("systemctl", '[ "${@: -1}" = containerd ] || [ -e "$ROOT/run/kubelet" ]')
    machine.program("crictl")
    machine.program("journalctl", "echo the kubelet says why")
    return machine


def be(
    machine: Machine, may: str, files: Mapping[str, str] = FILES, brought: str = "", **values: str
) -> subprocess.CompletedProcess[str]:
    """What the helper asks of a control plane."""
    scripts = ["reset", "control-plane", "secrets-encryption", "member"]
    before = f"MAY={may}\nDISCOVERY=''\nCERTIFICATE_KEY=''\n{brought}"
    return machine.run(scripts, {**VALUES, **values}, files, before=before)


def state(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["state"])


def ask(machine: Machine, action: str, brought: str = "") -> subprocess.CompletedProcess[str]:
    """What another control plane's membership asks of this one."""
    values = {"API_PORT": "6443", "INIT_FILE": VALUES["INIT_FILE"], "LOCK_WAIT": "5"}
    values["SECRETS_ENCRYPTION_FILE"] = ENCRYPTION
    return machine.run(["control-plane", "secrets-encryption", "peer"], values, before=f"ACTION={action}\n{brought}")


def init_calls(machine: Machine) -> list[str]:
    return [call for call in machine.calls if call.startswith("kubeadm")]


def test_certificate_that_ended_is_told_and_not_waited_for(prepared: Machine) -> None:
    be(prepared, "start")
    prepared.program("curl", "echo 'curl: (60) SSL certificate problem: certificate has expired' >&2; exit 60")
    done = be(prepared, "wait", API_WAIT="50")
    assert done.returncode == 1
    assert "error: cp1: the certificate of its API ended: 'kubeadm certs renew all' there" in done.stderr


def test_starts_a_cluster_with_preflight_and_without_the_rest(prepared: Machine) -> None:
    done = be(prepared, "start")
    assert state(done) == "member"
    assert base64.b64decode(json.loads(done.stdout)["kubeconfig"]) == b"server: https://super\n"
    (call,) = init_calls(prepared)
    assert call.startswith(INIT.format(root=prepared.root) + "control-plane/controller-manager,")
    assert "preflight" not in call
    assert "addon" in call


def test_a_look_changes_nothing_where_nothing_is(prepared: Machine) -> None:
    assert state(be(prepared, "look")) == "absent"
    assert prepared.calls == []
    prepared.write("/etc/kubernetes/pki/ca.crt", "ca\n")
    assert state(be(prepared, "look")) == "begun"
    assert prepared.calls == []


@pytest.mark.parametrize("may", ["look", "wait", "start"])
def test_a_member_is_left_alone(prepared: Machine, may: str) -> None:
    be(prepared, "start")
    assert state(be(prepared, may)) == "member"
    assert prepared.calls == []


def test_a_start_cut_after_the_keys_skips_preflight_and_drops_empty_files(prepared: Machine) -> None:
    prepared.write("/etc/kubernetes/pki/ca.crt", "ca\n")
    prepared.write("/etc/kubernetes/pki/apiserver.key", "")
    assert state(be(prepared, "start")) == "member"
    assert "--skip-phases=preflight," in init_calls(prepared)[0]
    assert not prepared.exists("/etc/kubernetes/pki/apiserver.key")


def test_a_start_cut_before_the_kubelet_is_completed(prepared: Machine) -> None:
    be(prepared, "start")
    (prepared.root / "run/kubelet").unlink()
    (prepared.root / "run/api").unlink()
    assert state(be(prepared, "look")) == "member"
    assert len(init_calls(prepared)) == 1


def test_a_rebooting_member_is_silent_and_waited_for_not_started_again(prepared: Machine) -> None:
    be(prepared, "start")
    (prepared.root / "run/api").unlink()
    assert state(be(prepared, "look")) == "silent"
    done = be(prepared, "wait")
    assert done.returncode == 1
    assert init_calls(prepared) == []
    assert "the API does not answer after 3 s" in done.stderr
    assert "the kubelet says why" in done.stderr


def test_an_edited_configuration_is_applied_once(prepared: Machine) -> None:
    be(prepared, "start")
    edited = {**FILES, "/etc/fjordkube/kubeadm/init.yaml": "kind: InitConfiguration\nedited: true\n"}
    be(prepared, "look", edited)
    assert [call.split(" --config")[0] for call in init_calls(prepared)] == [
        "kubeadm init phase certs apiserver",
        "kubeadm init phase etcd local",
        # controller manager and scheduler too: with more control planes they elect a leader
        "kubeadm init phase control-plane all",
        "kubeadm init phase kubelet-start",
    ]
    be(prepared, "look", edited)
    assert prepared.calls == []


def test_data_of_an_earlier_cluster_is_never_overwritten(prepared: Machine) -> None:
    prepared.write("/var/lib/etcd/data/member/wal", "precious")
    done = be(prepared, "start")
    assert done.returncode == 1
    assert "holds the data of an earlier cluster" in done.stderr
    assert init_calls(prepared) == []


JOINS = 'cp "$3" "$ROOT/seen"; ' + STARTS.replace("init --config", "join --config")
BROUGHT = "DISCOVERY=token\nCERTIFICATE_KEY=key\nENCRYPTION=bWluZQo=\n"


def test_joins_a_living_cluster_with_what_the_helper_brings_and_keeps_no_secret(prepared: Machine) -> None:
    prepared.program("kubeadm", JOINS)
    assert state(be(prepared, "join", brought=BROUGHT)) == "member"
    assert "controlPlane:\n  certificateKey: key\n" in prepared.read("/seen")
    # there before its API server starts
    assert prepared.read("/read") == "mine\n"
    assert sorted(path.name for path in (prepared.root / "run/fjordkube").iterdir()) == ["lock"]
    assert state(be(prepared, "look")) == "member"


def test_a_join_that_was_cut_is_no_member_and_begins_anew(prepared: Machine) -> None:
    """kubeadm has written every file of a member before etcd admits it."""
    prepared.program("kubeadm", JOINS + "exit 1\n")
    assert be(prepared, "join", brought=BROUGHT).returncode == 1
    assert state(be(prepared, "look")) == "begun"
    prepared.program("kubeadm", '[ "$1" != reset ] || rm -r "$ROOT/etc/kubernetes"/*; ' + JOINS)
    assert state(be(prepared, "join", brought=BROUGHT)) == "member"
    assert [call.split()[1] for call in init_calls(prepared)] == ["reset", "join"]
    assert state(be(prepared, "look")) == "member"


def test_a_machine_made_anew_keeps_the_etcd_data_of_its_disk_aside(prepared: Machine) -> None:
    prepared.write("/var/lib/etcd/data/member/wal", "precious")
    prepared.program("kubeadm", JOINS)
    assert state(be(prepared, "join", brought=BROUGHT)) == "member"
    assert prepared.read("/var/lib/etcd/data.before-join/member/wal") == "precious"
    assert not prepared.exists("/var/lib/etcd/data/member")


def test_another_is_told_what_this_one_is_and_etcds_members(prepared: Machine) -> None:
    assert json.loads(ask(prepared, "look").stdout) == {"state": "absent", "answers": False}
    be(prepared, "start")
    members = '{"members":[{"ID":"7","name":"cp1","peerURLs":["https://192.168.77.11:2380"]}]}'
    prepared.program("curl", f"case $* in *6443*) echo -n ok ;; *member/list*) echo '{members}' ;; esac")
    told = json.loads(ask(prepared, "look").stdout)
    assert (told["state"], told["answers"], told["etcd"]) == ("member", True, json.loads(members))
    assert base64.b64decode(told["kubeconfig"]) == b"server: https://super\n"
    prepared.program("curl", "exit 7")
    assert json.loads(ask(prepared, "look").stdout) == {"state": "member", "answers": False}


def test_a_member_of_etcd_is_taken_out_by_its_number(prepared: Machine) -> None:
    be(prepared, "start")
    prepared.program("curl", 'echo "$*" >"$ROOT/asked"')
    done = ask(prepared, "forget", "MEMBER=9372538179322589801\n")
    assert done.returncode == 0, done.stderr
    asked = prepared.read("/asked")
    assert '--data {"ID":"9372538179322589801"} https://127.0.0.1:2379/v3/cluster/member/remove' in asked


def test_keys_go_up_under_one_that_is_in_no_argument_and_no_file_afterwards(prepared: Machine) -> None:
    prepared.program("kubeadm", 'cp "${!#}" "$ROOT/seen"')
    prepared.write("/etc/fjordkube/kubeadm/init.yaml", "kind: InitConfiguration\nlocalAPIEndpoint: {}\n")
    done = ask(prepared, "keys", "CERTIFICATE_KEY=abc\n")
    assert done.returncode == 0, done.stderr
    assert prepared.read("/seen").startswith("kind: InitConfiguration\ncertificateKey: abc\n")
    assert "abc" not in " ".join(prepared.calls)
    assert not prepared.exists("/run/fjordkube/upload.yaml")


def test_without_the_keys_of_secrets_it_does_not_join(prepared: Machine) -> None:
    done = be(prepared, "join", brought="DISCOVERY=token\nCERTIFICATE_KEY=key\n")
    assert done.returncode == 1
    assert "cp1: the keys of Secrets were not brought" in done.stderr
    assert init_calls(prepared) == []


def test_the_key_of_secrets_is_there_before_the_api_server_and_is_kept(prepared: Machine) -> None:
    be(prepared, "start")
    key = prepared.read("/read")
    assert "- name: key1" in key
    be(prepared, "look", {**FILES, "/etc/fjordkube/kubeadm/init.yaml": "kind: InitConfiguration\nedited: true\n"})
    assert prepared.read(ENCRYPTION) == key


def test_a_member_of_before_has_a_file_before_its_api_server_asks_for_it(prepared: Machine) -> None:
    be(prepared, "start")
    (prepared.root / ENCRYPTION.lstrip("/")).unlink()
    prepared.program("kubeadm", '[ -s "$ROOT/etc/kubernetes/pki/secrets-encryption.yaml" ]')
    edited = {**FILES, "/etc/fjordkube/kubeadm/init.yaml": "kind: InitConfiguration\nedited: true\n"}
    assert state(be(prepared, "look", edited)) == "member"
    assert "secretbox" not in prepared.read(ENCRYPTION)


def test_the_keys_of_secrets_go_to_the_one_that_joins(prepared: Machine) -> None:
    be(prepared, "start")
    told = json.loads(ask(prepared, "keys", "CERTIFICATE_KEY=abc\n").stdout)
    assert base64.b64decode(told["encryption"]).decode() == prepared.read(ENCRYPTION)
