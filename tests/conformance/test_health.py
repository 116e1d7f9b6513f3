"""What a node's health is read from, as the real programs answer: etcd's gateway over TLS, the API server's tables."""

from __future__ import annotations

import base64
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fjordkube.health import api as tables
from fjordkube.health import etcd
from fjordkube.health.question import DISKS, UNITS
from fjordkube.health.seen import Seen, read
from fjordkube.helpers.survey.asking import Answer
from fjordkube.shell import shell
from tests.conformance.api_server import ApiServer, certificates, process
from tests.conformance.conftest import _binary
from tests.unit.ssh_server import free_port


@contextmanager
def etcd_running(folder: Path, pki: Path) -> Iterator[str]:
    """One member that lets nobody in without a certificate, as kubeadm's; its URL."""
    paths = certificates(folder)
    (pki / "etcd").mkdir(parents=True)
    shutil.copy(paths["ca.crt"], pki / "etcd" / "ca.crt")
    for end in ("crt", "key"):
        shutil.copy(paths[f"admin.{end}"], pki / f"apiserver-etcd-client.{end}")
    url, peer = f"https://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
    flags: dict[str, Any] = {
        "name": "cp1",
        "listen-client-urls": url,
        "advertise-client-urls": url,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"cp1={peer}",
        "cert-file": paths["server.crt"],
        "key-file": paths["server.key"],
        "trusted-ca-file": paths["ca.crt"],
        "client-cert-auth": "true",
    }
    command = [_binary("etcd"), "--data-dir", folder / "data", "--unsafe-no-fsync", "--log-level", "warn"]
    with process(folder / "log", command, flags):
        yield url


def ask(root: Path, namespace: str = "default") -> Answer:
    """The script by the machine's own programs, but for the files that it reads."""
    values = {"DISKS": " ".join(DISKS), "UNITS": " ".join(UNITS), "NAMESPACES": namespace, "PATIENCE": "15"}
    begun = time.time()
    done = subprocess.run(
        ["bash", "-s"],
        input=shell(["facts", "bird", "health"], values),
        env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "FJORDKUBE_ROOT": str(root)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        name, _, value = line.partition("=")
        found.setdefault(name, []).append(value)
    return Answer(found, begun, time.time())


def until(asked: Callable[[], Answer], holds: Callable[[Answer], bool]) -> Answer:
    """The first answer that will do; the servers have just been started."""
    deadline = time.monotonic() + 60
    while not holds(found := asked()):
        assert time.monotonic() < deadline, found
        time.sleep(0.5)
    return found


def test_etcds_gateway_tells_health_members_room_and_alarms(tmp_path: Path) -> None:
    kubernetes = tmp_path / "root" / "etc" / "kubernetes"
    (kubernetes / "manifests").mkdir(parents=True)
    (tmp_path / "etcd").mkdir()
    with etcd_running(tmp_path / "etcd", kubernetes / "pki") as url:
        (kubernetes / "manifests" / "etcd.yaml").write_text(f"    - --listen-client-urls={url},https://10.0.0.1:2379\n")
        found = until(lambda: ask(tmp_path / "root"), lambda told: not told.one("etcd_health_silent"))
        members, room = etcd.rows({"cp1": found}, ["cp1"])
        assert (members.state, members.figure) == ("ok", "1 of 1 members healthy, leader cp1, none may fail")
        assert (room.state, room.figure) == ("ok", "0 MiB of 2048 MiB (0 MiB in use)")
        who = read(found.one("etcd_members"))["members"][0]["ID"]
        pki = kubernetes / "pki"
        words: list[str | Path] = ["--cacert", pki / "etcd" / "ca.crt", "--cert", pki / "apiserver-etcd-client.crt"]
        words += ["--key", pki / "apiserver-etcd-client.key", "--noproxy", "*", "--silent", "--fail"]
        raised = f'{{"action":"ACTIVATE","memberID":"{who}","alarm":"NOSPACE"}}'
        subprocess.run(["curl", *words, "--data", raised, f"{url}/v3/maintenance/alarm"], check=True)
        told = [(row.node, row.state, row.figure) for row in etcd.rows({"cp1": ask(tmp_path / "root")}, ["cp1"])]
    assert told[0] == ("cp1", "now", "is not healthy (ALARM NOSPACE)")
    assert ("cp1", "now", "alarm NOSPACE") in told


def test_the_api_servers_tables_are_read_by_the_administrators_certificate(
    tmp_path: Path, api: ApiServer, namespace: str
) -> None:
    kubernetes = tmp_path / "etc" / "kubernetes"
    for folder in ("manifests", "pki"):
        (kubernetes / folder).mkdir(parents=True)
    user = api.kubeconfig["users"][0]["user"]
    (kubernetes / "admin.conf").write_text("".join(f"    {key}: {value}\n" for key, value in user.items()))
    authority = api.kubeconfig["clusters"][0]["cluster"]["certificate-authority-data"]
    (kubernetes / "pki" / "ca.crt").write_bytes(base64.b64decode(authority))
    port = api.url.rpartition(":")[2]
    (kubernetes / "manifests" / "kube-apiserver.yaml").write_text(f"    - --secure-port={port}\n")
    node = {"metadata": {"name": f"n-{namespace}", "labels": {"only": namespace}}}
    api.request("POST", "/api/v1/nodes", node)
    address = [{"type": "InternalIP", "address": "192.168.77.11"}]
    info = {"kubeletVersion": "v1.37.1", "containerRuntimeVersion": "containerd://2.1.9"}
    ready = [{"type": "Ready", "status": "False", "reason": "x", "message": "x"}]
    empty = dict.fromkeys(
        ("architecture", "bootID", "kernelVersion", "kubeProxyVersion", "machineID", "operatingSystem", "osImage"), ""
    )
    info = {**empty, "systemUUID": "", **info}
    api.set_status(f"/api/v1/nodes/n-{namespace}", {"addresses": address, "nodeInfo": info, "conditions": ready})
    container = {"name": "c", "image": "example.com/i"}
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [container], "nodeName": f"n-{namespace}"}}
    api.request("POST", f"/api/v1/namespaces/{namespace}/pods", pod)
    found = until(lambda: ask(tmp_path, namespace), lambda told: told.one("api_ready") == "ok")  # its last start hooks
    told = tables.members(Seen({"cp1": found}, {}, time.time()))
    assert told is not None
    (row,) = (each for each in told if each["Name"] == f"n-{namespace}")
    assert (row["Status"], row["Version"], row["Internal-IP"]) == ("NotReady", "v1.37.1", "192.168.77.11")
    assert row["Container-Runtime"] == "containerd://2.1.9"
    (seen,) = tables.table(found.one(f"api_pods/{namespace}")) or ()
    assert (seen["Name"], seen["Ready"], seen["Status"]) == ("p", "0/1", "Pending")
    assert (seen["Restarts"], seen["Node"]) == ("0", f"n-{namespace}")
    assert tables.seconds(seen["Age"]) < 60
