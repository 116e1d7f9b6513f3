"""addons.sh: each stage runs once, is completed when it was cut, and restarts kube-proxy only for an edit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fjordkube.bootstrap.kubeconfig import MARK
from tests.scripts.machine import Machine

VALUES = {
    "NODE_NAME": "cp1",
    "API_PORT": "6443",
    "INIT_FILE": "/etc/fjordkube/kubeadm/init.yaml",
    "JOINABLE_DIGEST": "aaaa",
    "ADDONS_DIGEST": "bbbb",
    "LOCK_WAIT": "5",
    "NODE_ANNOTATIONS": '{"example.com/address": "192.168.77.11/24"}',
}
# answers of the API: files named by path below $ROOT/api; PATCH appends to what is there
CURL = r"""
write='' data='' method=GET outputs=0 urls=()
while [ $# -gt 0 ]; do
  case "$1" in
    --write-out) write=$2; shift ;; --data) data=$2; shift ;; --request) method=$2; shift ;;
    --output) outputs=1; shift ;; --cacert|--cert|--key|--max-time|--header) shift ;;
    https://*) urls+=("${1#https://*/}") ;;
  esac
  shift
done
for u in "${urls[@]}"; do
  f="$ROOT/api/$u"
  if [ -e "$f" ]; then code=200; [ "$method" != PATCH ] || printf '%s' "$data" >"$f"; else code=404; fi
  [ $outputs = 1 ] || [ $code != 200 ] || cat "$f"
  printf '%b' "${write//'%{http_code}'/$code}"
done
"""
KUBEADM = r"""
touchy() { for f in "$@"; do mkdir -p "$(dirname "$ROOT/api/$f")"; echo '{}' >"$ROOT/api/$f"; done; }
R=apis/rbac.authorization.k8s.io/v1/clusterrolebindings/kubeadm
case "$*" in
  *--skip-phases=*kubelet-finalize,addon,*)
    for f in controller-manager scheduler; do mkdir -p "$ROOT/etc/kubernetes/manifests"
      echo x >"$ROOT/etc/kubernetes/manifests/kube-$f.yaml"; done
    touchy api/v1/namespaces/kube-system/configmaps/{kubeadm-config,kubelet-config} \
      api/v1/namespaces/kube-public/configmaps/cluster-info \
      $R:{cluster-admins,kubelet-bootstrap,node-autoapprove-bootstrap} ;;
  *) touchy api/v1/namespaces/kube-system/configmaps/kube-proxy \
      apis/apps/v1/namespaces/kube-system/{daemonsets/kube-proxy,deployments/coredns}
    echo "certificate: kubelet-client-current.pem" >"$ROOT/etc/kubernetes/kubelet.conf" ;;
esac
"""


@pytest.fixture
def member(tmp_path: Path) -> Machine:
    """A control plane whose API answers and holds nothing yet."""
    machine = Machine(tmp_path / "m")
    machine.write("/etc/kubernetes/admin.conf", "admin\n")
    machine.write("/etc/kubernetes/kubelet.conf", "embedded\n")
    machine.write("/api/api/v1/nodes/cp1", "{}")
    machine.program("curl", CURL)
    machine.program("kubeadm", KUBEADM)
    return machine


def run(machine: Machine, stage: str, **values: str) -> str:
    done = machine.run(["control-plane", "addons"], {**VALUES, "STAGE": stage, **values})
    assert done.returncode == 0, done.stderr
    return done.stdout


def patches(machine: Machine) -> list[str]:
    return [call.split("https://")[1].split("/", 1)[1] for call in machine.questions if "PATCH" in call]


def test_joinable_runs_once(member: Machine) -> None:
    assert json.loads(run(member, "joinable")) == {"node": "cp1", "joinable": True}
    (call,) = member.calls
    assert "--skip-token-print" in call
    assert call.endswith("wait-control-plane,upload-certs,kubelet-finalize,addon,show-join-command")
    assert patches(member) == ["api/v1/nodes/cp1", "api/v1/namespaces/kube-system/configmaps/kubeadm-config"]
    assert '"192.168.77.11/24"' in (member.root / "api/api/v1/nodes/cp1").read_text()
    run(member, "joinable")
    assert member.calls == []


def test_joinable_cut_before_its_annotation_is_run_again(member: Machine) -> None:
    run(member, "joinable")
    member.write("/api/api/v1/namespaces/kube-system/configmaps/kubeadm-config", "{}")
    run(member, "joinable")
    assert len(member.calls) == 1


def test_joinable_is_completed_when_an_object_is_gone(member: Machine) -> None:
    run(member, "joinable")
    (member.root / "api/api/v1/namespaces/kube-system/configmaps/kubelet-config").unlink()
    run(member, "joinable")
    assert len(member.calls) == 1


def test_addons_print_the_kubeconfig_for_people_and_run_once(member: Machine) -> None:
    run(member, "joinable")
    assert run(member, "addons") == MARK + "admin\n"
    assert patches(member) == ["api/v1/namespaces/kube-system/configmaps/kube-proxy"]
    assert run(member, "addons") == MARK + "admin\n"
    assert member.calls == []


def test_an_edited_kube_proxy_configuration_restarts_kube_proxy(member: Machine) -> None:
    run(member, "joinable")
    run(member, "addons")
    run(member, "addons", ADDONS_DIGEST="cccc")
    (call,) = member.calls
    assert "kubelet-finalize" in call.split("--skip-phases=")[1]  # the kubelet rotates already: not restarted
    assert patches(member) == [
        "apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy",
        "api/v1/namespaces/kube-system/configmaps/kube-proxy",
    ]


def test_a_silent_api_is_an_error_and_not_an_empty_cluster(member: Machine) -> None:
    member.program("curl", "exit 7")
    member.program("sleep")
    done = member.run(["control-plane", "addons"], {**VALUES, "STAGE": "addons"})
    assert done.returncode == 1
    assert "its API stopped answering" in done.stderr
    assert not any(call.startswith("kubeadm") for call in member.calls)
