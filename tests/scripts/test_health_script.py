"""health.sh: what a node tells of itself, that nothing stays behind, and that no key is told or seen."""

from __future__ import annotations

import base64
import time
from pathlib import Path

import pytest

from fjordkube.health import certificates
from fjordkube.health.machine import Disk, disks
from fjordkube.health.question import DISKS, UNITS
from fjordkube.helpers.survey.asking import Answer
from tests.scripts.certificates import made
from tests.scripts.machine import Machine

VALUES = {"DISKS": " ".join(DISKS), "UNITS": " ".join(UNITS), "NAMESPACES": "kube-system", "PATIENCE": "5"}
BIRD = "0001 BIRD 1.6.8 ready.\n Mesh_192_168_77_102 BGP      master   up     13:07:41    Established\n0000 \n"
TABLE = '{"kind":"Table","rows":[]}'


def facts(machine: Machine) -> Answer:
    begun = time.time()
    done = machine.run(["facts", "bird", "health"], VALUES)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        name, sign, value = line.partition("=")
        assert sign, line
        found.setdefault(name, []).append(value)
    assert list(found)[-1] == "whole"
    return Answer(found, begun, time.time())


@pytest.fixture
def node(tmp_path: Path) -> Machine:
    """A worker."""
    machine = Machine(tmp_path / "m")
    machine.write("/etc/os-release", 'ID=debian\nVERSION_ID="13"\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n')
    machine.write("/proc/sys/kernel/osrelease", "6.12.1-amd64\n")
    machine.write("/proc/uptime", "5000.25 9000.00\n")
    machine.write("/var/lib/containerd/here")
    machine.write("/var/run/calico/bird.ctl")
    machine.program("socat", f"read -r question; printf '{BIRD}'; cat >/dev/null")
    machine.program("runc", "printf 'runc version 1.3.3\\ncommit: v1\\n'")
    machine.program(
        "df", "printf 'Mounted Avail\\n/ 1000 630 500 400\\n'; [ $# = 3 ] || printf '/ 1000 630 500 400\\n'"
    )
    machine.program("timedatectl", 'case "$*" in *NTPSynchronized*) echo yes ;; *) echo "   Offset: -1.5ms" ;; esac')
    machine.program("chronyc", "exit 1")
    machine.program(
        "systemctl",
        "printf 'Id=containerd.service\\nLoadState=loaded\\nActiveState=active\\nSubState=running\\nNRestarts=0\\n"
        "ActiveEnterTimestampMonotonic=1000000\\n\\nId=kubelet.service\\nLoadState=loaded\\nActiveState=activating\\n"
        "SubState=auto-restart\\nNRestarts=7\\nActiveEnterTimestampMonotonic=0\\n'",
    )
    machine.program("curl", "exit 7")
    client, key = made(300)
    machine.write("/var/lib/kubelet/pki/kubelet-client-current.pem", client + key)
    machine.write("/etc/kubernetes/pki/ca.crt", made(3000)[0])
    machine.write(
        "/etc/kubernetes/kubelet.conf", "    client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem\n"
    )
    return machine


def plane(machine: Machine) -> tuple[Machine, str]:
    """The same as a control plane whose etcd and API answer; its administrator's key."""
    certificate, key = made(-3)
    data = [base64.b64encode(text.encode()).decode() for text in (certificate, key)]
    admin = f"    client-certificate-data: {data[0]}\n    client-key-data: {data[1]}\n"
    machine.write("/etc/kubernetes/admin.conf", admin)
    machine.write("/etc/kubernetes/pki/apiserver-etcd-client.crt", made(20)[0])
    machine.write("/etc/kubernetes/pki/etcd/server.crt", made(40)[0])
    machine.write("/etc/kubernetes/pki/broken.crt", "nothing")
    machine.write(
        "/etc/kubernetes/manifests/etcd.yaml", "    - --listen-client-urls=https://127.0.0.1:1234,https://x\n"
    )
    machine.write("/etc/kubernetes/manifests/kube-apiserver.yaml", "    - --secure-port=7443\n")
    machine.program(
        "curl",
        f"""case "$*" in
  *https://127.0.0.1:1234/health) echo '{{"health":"true"}}' ;;
  *https://127.0.0.1:1234/v3/maintenance/status) printf '{{"leader":\\n "7"}}' ;;
  *https://127.0.0.1:1234/v3/*) echo '{{}}' ;;
  *https://127.0.0.1:7443/readyz*) echo ok ;;
  *https://127.0.0.1:7443/api/v1/nodes*) echo '{TABLE}' ;;
  *) echo "curl: (7) refused" >&2; exit 7 ;;
esac
for word in "$@"; do [[ $word != /dev/fd/* ]] || cat "$word" >>"$ROOT/given"; done""",
    )
    return machine, key


def test_a_worker_tells_its_machine_and_is_asked_nothing_of_etcd_and_api(node: Machine) -> None:
    found = facts(node)
    assert [found.one(name) for name in ("os_id", "os_version", "kernel", "runc", "synchronised", "clock_offset")] == [
        *("debian", "13", "6.12.1-amd64", "runc version 1.3.3", "yes", "-1.5ms")
    ]
    assert found.every("unit") == [
        "containerd.service loaded active running 0 1000000",
        "kubelet.service loaded activating auto-restart 7 0",
    ]
    assert disks(found) == [Disk("/", "/", 63.0, 80.0, 630)]
    assert found.every("bird") == BIRD.rstrip("\n").replace("0000 ", "0000").split("\n")
    assert found.begun <= float(found.one("clock")) <= float(found.one("clock_end")) <= found.ended
    assert certificates.days(found, time.time()) == {
        "/etc/kubernetes/pki/ca.crt": 3000,
        "/var/lib/kubelet/pki/kubelet-client-current.pem": 300,
    }
    assert not [line for line in node.questions if line.startswith("curl")]


def test_a_control_plane_tells_every_certificate_etcd_and_the_api(node: Machine) -> None:
    machine, _ = plane(node)
    found = facts(machine)
    left = certificates.days(found, time.time())
    assert left["/etc/kubernetes/admin.conf"] == -3
    assert left["/etc/kubernetes/pki/apiserver-etcd-client.crt"] == 20
    assert left["/etc/kubernetes/pki/etcd/server.crt"] == 40
    assert left["/etc/kubernetes/pki/broken.crt"] is None
    assert found.one("etcd_health") == '{"health":"true"}'
    assert found.one("etcd_status") == '{"leader":  "7"}'  # one line, whatever the answer had
    assert (found.one("api_ready"), found.one("api_nodes")) == ("ok", TABLE)
    assert found.one("api_pods/kube-system_silent") == "curl: (7) refused"


def test_the_administrators_key_reaches_curl_and_nobody_else(node: Machine) -> None:
    machine, key = plane(node)
    before = set(machine.folder.rglob("*"))
    done = machine.run(["facts", "bird", "health"], VALUES)
    given = machine.root / "given"
    assert key in given.read_text()
    given.unlink()
    secret = [line for line in key.splitlines() if "-" not in line]
    said = done.stdout + done.stderr + (machine.folder / "calls").read_text()
    for line in [*secret, *(base64.b64encode(part.encode()).decode() for part in secret)]:
        assert line not in said
    assert set(machine.folder.rglob("*")) == before


def test_what_is_silent_is_asked_once_and_named(node: Machine) -> None:
    machine, _ = plane(node)
    machine.program("curl", "echo 'curl: (28) timed out' >&2; exit 28")
    found = facts(machine)
    assert found.one("etcd_health_silent") == found.one("api_ready_silent") == "curl: (28) timed out"
    assert len([line for line in machine.questions if line.startswith("curl")]) == 2


def test_a_machine_without_the_programs_still_tells_the_rest(node: Machine) -> None:
    for name in ("runc", "df", "timedatectl", "systemctl", "socat"):
        node.program(name, "exit 127")
    node.program("chronyc", "echo 'System time     : 0.000012 seconds slow of NTP time'")
    found = facts(node)
    assert found.every("disk") == found.every("unit") == found.every("bird") == ()
    assert found.one("runc") == found.one("synchronised") == ""
    assert found.one("clock_offset") == "0.000012 seconds slow of NTP time"
