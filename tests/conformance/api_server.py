"""A real API server on loopback: etcd, kube-apiserver, and of the controllers only those that delete.

Owns certificates made at start, ports, waiting until it serves, and ending it all. No scheduler, kubelet or workload
controller runs: a scenario plays their part by writing status. Leaves the binaries to offline/.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import ipaddress
import json
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.unit.ssh_server import free_port

START_SECONDS = 60
"""Usually 6 s; other builds may run beside."""
CONTROLLERS = "garbage-collector-controller,namespace-controller"
"""Foreground deletion and namespace deletion are done by controllers, not by the API server."""


@dataclass(frozen=True)
class ApiServer:
    """What scenarios need of a running API server."""

    url: str
    kubeconfig: dict[str, Any]
    context: ssl.SSLContext
    etcd: str = ""
    """Where its etcd answers, without TLS."""

    def request(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        """The decoded answer of one request, as an administrator. Raises urllib.error.HTTPError."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": content_type}, method=method)
        with urllib.request.urlopen(request, context=self.context, timeout=30) as answer:
            return json.load(answer)

    def get(self, path: str) -> dict[str, Any] | None:
        """The object at the path, or None."""
        try:
            found: dict[str, Any] = self.request("GET", path)
            return found
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def apply(self, path: str, body: Mapping[str, Any], manager: str) -> Any:
        """Server-side apply in another manager's name, by force."""
        target = f"{path}?fieldManager={manager}&force=true"
        return self.request("PATCH", target, body, "application/apply-patch+yaml")

    def set_status(self, path: str, status: Mapping[str, Any]) -> None:
        """What a controller would write."""
        self.request("PATCH", f"{path}/status", {"status": status}, "application/merge-patch+json")


@contextlib.contextmanager
def running(
    folder: Path,
    etcd: Path,
    apiserver: Path,
    controllers: Path,
    *,
    arguments: Mapping[str, str] | None = None,
    etcd_arguments: Mapping[str, str] | None = None,
) -> Iterator[ApiServer]:
    """An API server with its data in the folder; with more arguments of its own and of etcd, by name."""
    paths = certificates(folder)
    etcd_port, peer_port, port = free_port(), free_port(), free_port()
    etcd_url, url = f"http://127.0.0.1:{etcd_port}", f"https://127.0.0.1:{port}"
    kubeconfig = _kubeconfig(url, paths)
    (folder / "kubeconfig").write_text(json.dumps(kubeconfig))
    context = ssl.create_default_context(cafile=str(paths["ca.crt"]))
    context.load_cert_chain(paths["admin.crt"], paths["admin.key"])
    server = ApiServer(url, kubeconfig, context, etcd_url)
    with contextlib.ExitStack() as stack:
        stack.enter_context(
            process(
                folder / "etcd.log",
                [etcd, "--data-dir", folder / "etcd", "--unsafe-no-fsync", "--log-level", "warn"],
                {
                    "listen-client-urls": etcd_url,
                    "advertise-client-urls": etcd_url,
                    "listen-peer-urls": f"http://127.0.0.1:{peer_port}",
                    "initial-advertise-peer-urls": f"http://127.0.0.1:{peer_port}",
                    "initial-cluster": f"default=http://127.0.0.1:{peer_port}",
                    **(etcd_arguments or {}),
                },
            )
        )
        stack.enter_context(
            process(
                folder / "apiserver.log",
                [apiserver],
                {
                    "etcd-servers": etcd_url,
                    "bind-address": "127.0.0.1",
                    "advertise-address": "127.0.0.1",
                    "secure-port": str(port),
                    "tls-cert-file": str(paths["server.crt"]),
                    "tls-private-key-file": str(paths["server.key"]),
                    "client-ca-file": str(paths["ca.crt"]),
                    "service-account-issuer": url,
                    "service-account-key-file": str(paths["accounts.pub"]),
                    "service-account-signing-key-file": str(paths["accounts.key"]),
                    "service-cluster-ip-range": "10.96.0.0/24",
                    "authorization-mode": "RBAC",
                    # as kubeadm has it: calico-node is privileged
                    "allow-privileged": "true",
                    "disable-admission-plugins": "ServiceAccount",
                    "endpoint-reconciler-type": "none",
                    **(arguments or {}),
                },
            )
        )
        _until_ready(server, folder)
        stack.enter_context(
            process(
                folder / "controllers.log",
                [controllers],
                {
                    "kubeconfig": str(folder / "kubeconfig"),
                    "controllers": CONTROLLERS,
                    "leader-elect": "false",
                    "secure-port": "0",
                },
            )
        )
        yield server


@contextlib.contextmanager
def process(log: Path, command: list[Any], flags: Mapping[str, str]) -> Iterator[None]:
    argv = [str(part) for part in command] + [f"--{key}={value}" for key, value in flags.items()]
    with log.open("w") as output:
        started = subprocess.Popen(argv, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        yield
    finally:
        started.terminate()
        try:
            started.wait(15)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def _until_ready(server: ApiServer, folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            if server.get("/api/v1/namespaces/default"):
                return
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise TimeoutError("kube-apiserver does not serve:\n" + (folder / "apiserver.log").read_text()[-2000:])
        time.sleep(0.2)


def certificates(folder: Path) -> dict[str, Path]:
    """An authority, a certificate of the server and one of an administrator, and the key of service accounts."""
    authority = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "conformance-ca")])
    files = {"ca.crt": _certificate(issuer, issuer, authority, authority, [])}
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    for name, subject, extensions in (
        ("server", [(x509.NameOID.COMMON_NAME, "kube-apiserver")], [address]),
        (
            "admin",
            [(x509.NameOID.COMMON_NAME, "admin"), (x509.NameOID.ORGANIZATION_NAME, "system:masters")],
            [],
        ),
    ):
        key = ec.generate_private_key(ec.SECP256R1())
        who = x509.Name([x509.NameAttribute(oid, value) for oid, value in subject])
        files[f"{name}.crt"] = _certificate(who, issuer, key, authority, extensions)
        files[f"{name}.key"] = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    accounts = ec.generate_private_key(ec.SECP256R1())
    files["accounts.key"] = accounts.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    files["accounts.pub"] = accounts.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    paths = {name: folder / name for name in files}
    for name, content in files.items():
        paths[name].write_bytes(content)
    return paths


def _certificate(subject: x509.Name, issuer: x509.Name, key: Any, signer: Any, extensions: list[Any]) -> bytes:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=subject == issuer, path_length=None), critical=True)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(signer, SHA256()).public_bytes(Encoding.PEM)


def _kubeconfig(url: str, paths: Mapping[str, Path]) -> dict[str, Any]:
    def inline(name: str) -> str:
        return base64.b64encode(paths[name].read_bytes()).decode()

    user = {"client-certificate-data": inline("admin.crt"), "client-key-data": inline("admin.key")}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "conformance",
        "clusters": [
            {"name": "conformance", "cluster": {"server": url, "certificate-authority-data": inline("ca.crt")}}
        ],
        "contexts": [{"name": "conformance", "context": {"cluster": "conformance", "user": "admin"}}],
        "users": [{"name": "admin", "user": user}],
    }
