"""A real API server with what the profile production gives it: it starts, refuses, writes down, and encrypts."""

from __future__ import annotations

import base64
import json
import os
import ssl as tls
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from fjordkube.bootstrap import hardening, paths, steps
from fjordkube.helpers import secrets_encryption, ssh
from fjordkube.host.paths import AUDIT_LOGS, ETCD_DATA
from fjordkube.settings import Hardening
from offline import binaries
from tests.conformance import api_server
from tests.conformance.api_server import ApiServer
from tests.golden.bootstrap_cluster import kubeadm, stack
from tests.scripts.machine import Machine

PRODUCTION = Hardening(profile="production")
SECRETS = "/api/v1/namespaces/default/secrets"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A control plane's file system, where a cluster with encrypted Secrets is about to start."""
    machine = Machine(tmp_path_factory.mktemp("node") / "cp1")
    values = {
        "SECRETS_ENCRYPTION_FILE": paths.SECRETS_ENCRYPTION,
        "SECRETS_KEY": "1",
        "ETCD_DATA": ETCD_DATA,
    }
    done = machine.run(["secrets-encryption"], values, after="have_encryption\n")
    assert done.returncode == 0, done.stderr
    for path, text in hardening.api_server_files(PRODUCTION).items():
        machine.write(path, text)
    (machine.root / AUDIT_LOGS.lstrip("/")).mkdir(parents=True)
    (machine.root / "run/fjordkube").mkdir(parents=True)
    return machine


@pytest.fixture(scope="module")
def api(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    given = hardening.api_server_arguments(PRODUCTION)
    arguments = {name: f"{machine.root}{text}" if text.startswith("/") else text for name, text in given.items()}
    programs = [binaries.path(name) for name in ("etcd", "kube-apiserver", "kube-controller-manager")]
    folder = tmp_path_factory.mktemp("api")
    with api_server.running(folder, *programs, arguments=arguments, etcd_arguments=hardening.ETCD_TLS) as server:
        machine.write("/etc/kubernetes/admin.conf", yaml.safe_dump(server.kubeconfig))
        machine.write("/etc/kubernetes/pki/ca.crt", (folder / "ca.crt").read_text())
        yield server


def stored(api: ApiServer, name: str) -> bytes:
    """A Secret as it lies in etcd."""
    key = base64.b64encode(f"/registry/secrets/default/{name}".encode()).decode()
    body = json.dumps({"key": key}).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{api.etcd}/v3/kv/range", body), timeout=30) as answer:
        (entry,) = json.load(answer)["kvs"]
    return base64.b64decode(entry["value"])


def make_secret(api: ApiServer, name: str) -> None:
    api.request("POST", SECRETS, {"metadata": {"name": name}, "stringData": {"word": "sesame"}})


def refused(api: ApiServer, path: str, body: Mapping[str, Any]) -> str:
    """Why the API refuses it; empty when it would take it."""
    try:
        api.request("POST", f"{path}?dryRun=All", body)
    except urllib.error.HTTPError as error:
        return f"{error.code} {json.load(error)['message']}"
    return ""


def anonymous(api: ApiServer, path: str) -> int:
    context = tls.create_default_context()
    context.check_hostname, context.verify_mode = False, tls.CERT_NONE
    try:
        with urllib.request.urlopen(f"{api.url}{path}", context=context, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_nobody_in_particular_may_ask_for_health_alone(api: ApiServer) -> None:
    # roles are made after the API has begun to serve
    end = time.monotonic() + api_server.START_SECONDS
    while anonymous(api, "/readyz") != 200 and time.monotonic() < end:
        time.sleep(0.5)
    told = {path: anonymous(api, path) for path in ("/readyz", "/livez", "/healthz", "/version", "/api", "/metrics")}
    assert told == {"/readyz": 200, "/livez": 200, "/healthz": 200, "/version": 401, "/api": 401, "/metrics": 401}


def test_a_service_takes_no_address_of_a_node(api: ApiServer) -> None:
    service = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}], "externalIPs": ["192.168.77.11"]}}
    told = refused(api, "/api/v1/namespaces/default/services", service)
    assert told == '403 services "s" is forbidden: Use of external IPs is denied by admission control'
    service["spec"] = {"ports": [{"port": 80}]}
    assert refused(api, "/api/v1/namespaces/default/services", service) == ""


def test_pods_of_the_hosts_network_need_a_namespace_that_allows_them(api: ApiServer) -> None:
    pod = {"metadata": {"name": "p"}, "spec": {"hostNetwork": True, "containers": [{"name": "c", "image": "i"}]}}
    assert 'violates PodSecurity "baseline:latest": host namespaces' in refused(
        api, "/api/v1/namespaces/default/pods", pod
    )
    assert refused(api, "/api/v1/namespaces/kube-system/pods", pod) == ""
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    api.request("POST", "/api/v1/namespaces", {"metadata": {"name": "front", "labels": labels}})
    assert refused(api, "/api/v1/namespaces/front/pods", pod) == ""


def test_the_log_tells_who_wrote_and_read_secrets_and_never_what(api: ApiServer, machine: Machine) -> None:
    make_secret(api, "told")
    api.get(f"{SECRETS}/told")
    api.get("/api/v1/namespaces/default/services")
    lines = [json.loads(line) for line in machine.read(hardening.AUDIT_LOG).splitlines()]
    secret = [line["verb"] for line in lines if line["objectRef"].get("name") == "told"]
    assert secret == ["create", "get"]
    assert {line["level"] for line in lines} == {"Metadata"}
    assert "sesame" not in machine.read(hardening.AUDIT_LOG)
    seen = {(line["objectRef"]["resource"], line["verb"]) for line in lines}
    assert ("services", "list") not in seen
    assert not seen & {(kind, verb) for kind in ("leases", "events") for verb in ("create", "update", "list", "watch")}


def test_secrets_are_encrypted_and_written_anew_with_another_key(
    api: ApiServer, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Takes a minute: that is how often an API server looks at the file."""
    make_secret(api, "dark")
    assert stored(api, "dark").startswith(b"k8s:enc:secretbox:v1:key1:")
    before = api.request("GET", f"{SECRETS}/dark")
    assert oct((machine.root / paths.SECRETS_ENCRYPTION.lstrip("/")).stat().st_mode)[-3:] == "600"

    def on_the_node(_command: object, script: str, values: Mapping[str, str], _node: str) -> dict[str, Any]:
        text = ssh.function(script, values) + "fjordkube </dev/null\n"
        env = {**os.environ, "FJORDKUBE_ROOT": str(machine.root)}
        done = subprocess.run(["bash", "-s"], input=text, env=env, stdout=subprocess.PIPE, text=True, check=True)
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer

    monkeypatch.setattr(ssh, "run", on_the_node)
    cluster = kubeadm(settings=stack(kubernetes={"hardening": {"profile": "production", "secrets_key": 2}}))
    entry = {"name": "cp1", "host": "h", "port": 22, "user": "root", "key": 0, "host_key": "k"}
    script = steps.secrets_encryption(cluster).replace("API_PORT=6443", f"API_PORT={urlsplit(api.url).port}")
    env = {
        "FJORDKUBE_SECRETS_KEY": str(cluster.kubernetes.hardening.key),
        "FJORDKUBE_NODES": json.dumps({"keys": ["K"], "nodes": [entry]}),
        "FJORDKUBE_SCRIPT": script,
        "FJORDKUBE_KUBECONFIG": yaml.safe_dump(api.kubeconfig),
    }
    done = secrets_encryption.encrypt(env, tmp_path)
    assert done["key"] == 2
    assert done["rewritten"] >= 1
    assert stored(api, "dark").startswith(b"k8s:enc:secretbox:v1:key2:")
    after = api.request("GET", f"{SECRETS}/dark")
    assert after["data"] == before["data"]
    assert not machine.exists("/run/fjordkube/reader.pem")
    # what an earlier key has encrypted is read for as long as the file is there
    assert "name: key1" in machine.read(paths.SECRETS_ENCRYPTION)
