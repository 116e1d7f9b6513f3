"""member.sh: start, leave alone, complete, refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fjordkube.bootstrap.kubeconfig import MARK
from tests.scripts.machine import Machine

SCRIPTS = ["reset", "secrets-encryption", "member"]
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
    "OTHERS": "",
    "ANSWER": "kubeconfig",
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


def init_calls(machine: Machine) -> list[str]:
    return [call for call in machine.calls if call.startswith("kubeadm")]


def test_certificate_that_ended_is_told_and_not_waited_for(prepared: Machine) -> None:
    prepared.run(SCRIPTS, VALUES, FILES)
    prepared.program("curl", "echo 'curl: (60) SSL certificate problem: certificate has expired' >&2; exit 60")
    done = prepared.run(SCRIPTS, {**VALUES, "API_WAIT": "50"}, FILES)
    assert done.returncode == 1
    assert "error: cp1: the certificate of its API ended: 'kubeadm certs renew all' there" in done.stderr


def test_starts_a_cluster_with_preflight_and_without_the_rest(prepared: Machine) -> None:
    done = prepared.run(SCRIPTS, VALUES, FILES)
    assert done.returncode == 0, done.stderr
    assert done.stdout == MARK + "server: https://super\n"
    (call,) = init_calls(prepared)
    assert call.startswith(INIT.format(root=prepared.root) + "control-plane/controller-manager,")
    assert "preflight" not in call
    assert "addon" in call


def test_a_member_is_left_alone(prepared: Machine) -> None:
    prepared.run(SCRIPTS, VALUES, FILES)
    done = prepared.run(SCRIPTS, VALUES, FILES)
    assert done.returncode == 0
    assert prepared.calls == []
    assert done.stdout == MARK + "server: https://super\n"


def test_a_start_cut_after_the_keys_skips_preflight_and_drops_empty_files(prepared: Machine) -> None:
    prepared.write("/etc/kubernetes/pki/ca.crt", "ca\n")
    prepared.write("/etc/kubernetes/pki/apiserver.key", "")
    done = prepared.run(SCRIPTS, VALUES, FILES)
    assert done.returncode == 0, done.stderr
    assert "--skip-phases=preflight," in init_calls(prepared)[0]
    assert not prepared.exists("/etc/kubernetes/pki/apiserver.key")


def test_a_start_cut_before_the_kubelet_is_completed(prepared: Machine) -> None:
    prepared.run(SCRIPTS, VALUES, FILES)
    (prepared.root / "run/kubelet").unlink()
    (prepared.root / "run/api").unlink()
    done = prepared.run(SCRIPTS, VALUES, FILES)
    assert done.returncode == 0, done.stderr
    assert len(init_calls(prepared)) == 1


def test_a_rebooting_member_is_waited_for_not_started_again(prepared: Machine) -> None:
    prepared.run(SCRIPTS, VALUES, FILES)
    (prepared.root / "run/api").unlink()
    done = prepared.run(SCRIPTS, VALUES, FILES)
    assert done.returncode == 1
    assert init_calls(prepared) == []
    assert "the API does not answer after 3 s" in done.stderr
    assert "the kubelet says why" in done.stderr


def test_an_edited_configuration_is_applied_once(prepared: Machine) -> None:
    prepared.run(SCRIPTS, VALUES, FILES)
    edited = {**FILES, "/etc/fjordkube/kubeadm/init.yaml": "kind: InitConfiguration\nedited: true\n"}
    prepared.run(SCRIPTS, VALUES, edited)
    assert [call.split(" --config")[0] for call in init_calls(prepared)] == [
        "kubeadm init phase certs apiserver",
        "kubeadm init phase etcd local",
        "kubeadm init phase control-plane apiserver",
        "kubeadm init phase kubelet-start",
    ]
    prepared.run(SCRIPTS, VALUES, edited)
    assert prepared.calls == []


def test_data_of_an_earlier_cluster_is_never_overwritten(prepared: Machine) -> None:
    prepared.write("/var/lib/etcd/data/member/wal", "precious")
    done = prepared.run(SCRIPTS, VALUES, FILES)
    assert done.returncode == 1
    assert "holds the data of an earlier cluster" in done.stderr
    assert init_calls(prepared) == []


def test_beside_a_living_cluster_it_never_starts_a_second_one(prepared: Machine) -> None:
    done = prepared.run(SCRIPTS, {**VALUES, "OTHERS": "192.168.77.12"}, FILES)
    assert done.returncode == 1
    assert "the cluster lives at 192.168.77.12, and this node is the one that starts clusters" in done.stderr
    assert init_calls(prepared) == []


def test_asked_by_relay_it_says_that_it_must_join(prepared: Machine) -> None:
    values = {**VALUES, "OTHERS": "192.168.77.12", "ANSWER": "state"}
    done = prepared.run(SCRIPTS, values, FILES, before="DISCOVERY=''\nCERTIFICATE_KEY=''\n")
    assert json.loads(done.stdout) == {"node": "cp1", "state": "absent"}
    assert init_calls(prepared) == []


def test_certificates_go_up_under_a_key_that_is_in_no_argument_and_no_file_afterwards(prepared: Machine) -> None:
    prepared.program("kubeadm", 'cp "${!#}" "$ROOT/seen"')
    init = {"/etc/fjordkube/kubeadm/init.yaml": "kind: InitConfiguration\nlocalAPIEndpoint: {}\n"}
    values = {"INIT_FILE": "/etc/fjordkube/kubeadm/init.yaml", "LOCK_WAIT": "5"}
    done = prepared.run(["certificates"], values, init, before="CERTIFICATE_KEY=abc\n")
    assert done.returncode == 0, done.stderr
    assert prepared.read("/seen").startswith("kind: InitConfiguration\ncertificateKey: abc\n")
    assert "abc" not in " ".join(prepared.calls)
    assert not prepared.exists("/run/fjordkube/upload.yaml")


def test_joins_a_living_cluster_with_what_relay_brings_and_keeps_no_secret(prepared: Machine) -> None:
    prepared.program("kubeadm", 'cp "$3" "$ROOT/seen"; ' + STARTS.replace("init --config", "join --config"))
    secrets = "DISCOVERY=token\nCERTIFICATE_KEY=key\nENCRYPTION=bWluZQo=\n"
    done = prepared.run(SCRIPTS, {**VALUES, "OTHERS": "192.168.77.12"}, FILES, before=secrets)
    assert done.returncode == 0, done.stderr
    assert "controlPlane:\n  certificateKey: key\n" in prepared.read("/seen")
    # there before its API server starts
    assert prepared.read("/read") == "mine\n"
    assert sorted(path.name for path in (prepared.root / "run/fjordkube").iterdir()) == ["lock"]


def test_without_the_keys_of_secrets_it_does_not_join(prepared: Machine) -> None:
    secrets = "DISCOVERY=token\nCERTIFICATE_KEY=key\n"
    done = prepared.run(SCRIPTS, {**VALUES, "OTHERS": "192.168.77.12"}, FILES, before=secrets)
    assert done.returncode == 1
    assert "cp1: the keys of Secrets were not brought" in done.stderr
    assert init_calls(prepared) == []


def test_the_key_of_secrets_is_there_before_the_api_server_and_is_kept(prepared: Machine) -> None:
    prepared.run(SCRIPTS, VALUES, FILES)
    key = prepared.read("/read")
    assert "- name: key1" in key
    edited = {**FILES, "/etc/fjordkube/kubeadm/init.yaml": "kind: InitConfiguration\nedited: true\n"}
    prepared.run(SCRIPTS, VALUES, edited)
    assert prepared.read(ENCRYPTION) == key


def test_a_member_of_before_has_a_file_before_its_api_server_asks_for_it(prepared: Machine) -> None:
    prepared.run(SCRIPTS, VALUES, FILES)
    (prepared.root / ENCRYPTION.lstrip("/")).unlink()
    prepared.program("kubeadm", '[ -s "$ROOT/etc/kubernetes/pki/secrets-encryption.yaml" ]')
    edited = {**FILES, "/etc/fjordkube/kubeadm/init.yaml": "kind: InitConfiguration\nedited: true\n"}
    done = prepared.run(SCRIPTS, VALUES, edited)
    assert done.returncode == 0, done.stderr
    assert "secretbox" not in prepared.read(ENCRYPTION)
