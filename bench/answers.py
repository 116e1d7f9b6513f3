"""What machines and cloud would have answered: outputs for a pretended stack, and the files that go with them.

Owns the canned outputs of each source of nodes. Leaves laying them over resources to the pretending provider. Texts
have the real ones' shape and length where a length counts (keys, kubeconfigs), and are nobody's.
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fjordkube.roots import CHECKOUT
from fjordkube.settings import LocalNodes, Stack

SOURCES = sorted(file.parent.name for file in CHECKOUT.glob("components/nodes/*/source.py"))
"""Every source of nodes."""

LOCAL, REMOTE = "command:local:Command", "command:remote:Command"
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43
NETWORK = "10.1.0.0/24"
PORTS = {"ssh": 2222, "api": 16443, "http": 8080, "https": 8443}
CERTIFICATE_BYTES = 800

FIGURES: Mapping[str, Mapping[str, Any]] = {
    "bgp": {"sessions_established": 6, "sessions_expected": 6, "tunnel_devices": 0},
    "data-path": {"pairs": 0},
    "ipvs": {
        "service": "demo/demo",
        "nodes": 3,
        "nodes_holding": 3,
        "scheduler": "rr",
        "real_servers": 2,
        "virtual_services": 9,
    },
    "ingress": {"requests": 40, "nodes": 2, "failures": 0, "p50_ms": 4.0, "p99_ms": 9.5},
}

DISK: Mapping[str, Any] = {
    "needed": {"fdatasync_p99_ms": 10, "iops": 50, "recommended_iops": 500},
    "file_system": "ext4",
    "device": "/dev/vdb",
    "refused": "",
    "kept": True,
    "fdatasync_p99_ms": 1.2,
    "iops": 2400,
    "dd_mb_per_s": None,
    "reported_only": "",
}


def outputs(stack: Stack, home: Path) -> dict[str, dict[str, Any]]:
    """By type token and pattern of names, as FJORDKUBE_PRETEND takes them."""
    pem = "-----BEGIN {0}-----\n" + "A" * CERTIFICATE_BYTES + "\n-----END {0}-----\n"
    found: dict[str, dict[str, Any]] = {
        LOCAL: {"stdout": "", "stderr": ""},
        REMOTE: {"stdout": '{"changed": 0}', "stderr": ""},
        f"{LOCAL} *-certificate": {"stdout": pem.format("PRIVATE KEY") + pem.format("CERTIFICATE")},
        **{f"{REMOTE} *-{step}": {"stdout": kubeconfig()} for step in ("api", "addons")},
        f"{LOCAL} *-host-disk": {"stdout": json.dumps(DISK)},
        **{f"{LOCAL} *-gates-{gate}": {"stdout": json.dumps(figures)} for gate, figures in FIGURES.items()},
    }
    if isinstance(stack.nodes, LocalNodes):
        facts = {"ports": PORTS, "host_key": HOST_KEY}
        found |= {
            f"{LOCAL} nodes-*-disk": {"stdout": json.dumps(facts)},
            f"{LOCAL} nodes-*-power": {"stdout": "{name} runs"},
        }
    if stack.nodes.source == "vendor_cli":
        facts = {"id": "m-1", "public_address": "192.0.2.10", "ports": {}, "zone": "no-osl1", "host_key": HOST_KEY}
        found[f"{LOCAL} nodes-*"] = {"stdout": json.dumps(facts)}
    if stack.nodes.source == "openstack":
        found["openstack:networking/floatingIp:FloatingIp"] = {"address": "192.0.2.10"}
        found["openstack:compute/instance:Instance"] = {"availabilityZone": "nova"}
    if stack.nodes.source == "upcloud":
        public = {"type": "public", "ipAddressFamily": "IPv4", "ipAddress": "192.0.2.10"}
        private = {"type": "private", "ipAddressFamily": "IPv4"}
        found["upcloud:index/server:Server"] = {"networkInterfaces": [public, private]}
    return found | secrets(key(home).read_text())


def secrets(private_key: str) -> dict[str, dict[str, Any]]:
    """What the stack's own secrets are (components/nodes/login_key.py): its key, and a seed."""
    return {
        **{f"{LOCAL} {name}": {"stdout": private_key} for name in ("nodes-key", "nodes-bastion-key")},
        f"{LOCAL} nodes-host-key-seed": {"stdout": "a seed that is used by tests alone, 43 letters"},
    }


def settings(source: str, home: Path, **nodes: Any) -> dict[str, Any]:
    """A stack file's content for that source, as short as it goes; `nodes` are its control planes, workers, pools."""
    if source == "local":
        # what is asked for is not looked for: no guest is booted to find out whether KVM works
        return {"nodes": {"source": source, "accelerator": "tcg", **nodes}}
    content = {"source": source, **OF_A_SOURCE.get(source, {}), **nodes}
    if source == "existing":
        planes = [{"name": name, "etcd_disk": "LABEL=etcd"} for name in nodes.get("control_planes", ["cp1"])]
        content["control_planes"] = planes
        content["ssh"] = {"key_file": str(key(home)), "known_hosts": str(known_hosts(home))}
    else:
        content["ssh_key_file"] = str(key(home))
    return {"nodes": content, "firewall": {"admin_cidrs": ["203.0.113.0/24"]}}


OF_A_SOURCE: Mapping[str, Mapping[str, Any]] = {
    "existing": {"private_cidr": NETWORK, "zone": "no-osl1"},
    "openstack": {
        "cloud": "other",
        "zone": "no-osl1",
        "region": "RegionOne",
        "image": "11111111-1111-4111-8111-111111111111",
        "control_plane_flavor": "m1.large",
        "worker_flavor": "m1.large",
        "floating_ip_pool": "public",
        "external_network": "22222222-2222-4222-8222-222222222222",
        "etcd_volume_type": "fast",
        "control_planes": ["cp1"],
    },
    "vendor_cli": {
        "command": ["docs/sources/vendor-adapter-example.sh"],
        "zone": "no-osl1",
        "image": "debian-13",
        "private_cidr": NETWORK,
        "control_plane_plan": "nvme-4",
        "worker_plan": "nvme-4",
        "control_planes": ["cp1"],
    },
}
"""What a source must be told beside its nodes."""


def files(stack: Stack, home: Path, name: str) -> None:
    """What a stack of that source reads from files when its machines exist."""
    if isinstance(stack.nodes, LocalNodes):
        place = home / "vm" / name / ".ssh" / "id_ed25519"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(key(home).read_text())


def known_hosts(home: Path) -> Path:
    """Host keys of all addresses that a node of source `existing` may have here, each its own."""
    place = home / "known_hosts"
    if not place.exists():
        lines = []
        for address in ip_network(NETWORK).hosts():
            seen = sha256(str(address).encode()).digest()
            blob = b"".join(len(part).to_bytes(4, "big") + part for part in (b"ssh-ed25519", seen))
            lines.append(f"{address} ssh-ed25519 {base64.b64encode(blob).decode()}\n")
        place.write_text("".join(lines))
    return place


def key(home: Path) -> Path:
    """A private SSH key of the project's own, made once; nothing is entered with it."""
    place = home / "key"
    if not place.exists():
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", str(place)]
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
    return place


@cache
def kubeconfig() -> str:
    """A kubeconfig as kubeadm writes it, for an API that nobody answers.

    Certificate and key are real and nobody's: a client reads them before it asks anybody.
    """
    certificate, private_key = (base64.b64encode(part).decode() for part in certified())
    return (
        "apiVersion: v1\nkind: Config\nclusters:\n- name: fjord\n  cluster:\n"
        f"    certificate-authority-data: {certificate}\n"
        "    server: https://api.fjord.internal:6443\ncontexts:\n- name: admin\n  context:\n    cluster: fjord\n"
        "    user: admin\ncurrent-context: admin\nusers:\n- name: admin\n  user:\n"
        f"    client-certificate-data: {certificate}\n    client-key-data: {private_key}\n"
    )


def certified() -> tuple[bytes, bytes]:
    """A certificate that signs itself, and its key, both as PEM."""
    own = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bench")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(own.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    made = builder.sign(own, SHA256()).public_bytes(Encoding.PEM)
    return made, own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
