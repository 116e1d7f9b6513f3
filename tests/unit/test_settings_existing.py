"""Hosts that exist: what a stack file may say of them, and every way to say it wrongly, with the fix."""

from __future__ import annotations

from typing import Any

import pytest

from fjordkube.settings import ExistingNodes, load
from tests.unit.refusals import problems

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2l8cUeY9kVXC9i5yOpQ2YVb2fTj1vN0r6m3uGZ1xQe"
CONTROL_PLANE = {"name": "cp1", "host": "203.0.113.11", "etcd_disk": "LABEL=etcd"}
FIREWALL = {"firewall": {"admin_cidrs": ["203.0.113.0/24"]}}
WORKERS = [{"name": "w1", "host": "203.0.113.21"}, {"name": "w2", "host": "203.0.113.22"}]


def nodes(**changes: Any) -> dict[str, Any]:
    """A file of three hosts with these fields changed; one given as None is left out."""
    whole = {
        "source": "existing",
        "private_cidr": "10.1.0.0/24",
        "zone": "no-osl1",
        "control_planes": [CONTROL_PLANE],
        "workers": WORKERS,
        **changes,
    }
    return {"nodes": {key: value for key, value in whole.items() if value is not None}, **FIREWALL}


def refused(**changes: Any) -> str:
    """The one problem that there is."""
    found = problems(nodes(**changes))
    assert len(found) == 1, found
    return found[0]


def loaded(**changes: Any) -> ExistingNodes:
    settings = load(nodes(**changes)).nodes
    assert isinstance(settings, ExistingNodes)
    return settings


def control_plane(**fields: Any) -> list[dict[str, Any]]:
    return [{key: value for key, value in {**CONTROL_PLANE, **fields}.items() if value is not None}]


def worker(**fields: Any) -> list[dict[str, Any]]:
    return [WORKERS[0], {**WORKERS[1], **fields}]


def test_three_hosts_are_taken_and_what_is_not_said_follows() -> None:
    settings = loaded()
    cp1, w1, w2 = settings.hosts
    assert [settings.host_of(node) for node in (cp1, w1, w2)] == ["203.0.113.11", "203.0.113.21", "203.0.113.22"]
    assert settings.addresses == {"cp1": "10.1.0.11", "w1": "10.1.0.101", "w2": "10.1.0.102"}
    assert (settings.port_of(cp1), settings.user_of(cp1)) == (22, "root")
    assert (cp1.role, w1.role) == ("control-plane", "worker")


def test_a_name_alone_is_a_host_at_its_private_address() -> None:
    settings = loaded(workers=["w7"])
    assert settings.host_of(settings.workers[0]) == "10.1.0.107"


def test_a_host_says_its_own_port_user_nic_and_zone() -> None:
    fields = {"port": 2222, "user": "debian", "interface": "enp7s0", "zone": "no-svg1", "host_key": f"{KEY} root@w2"}
    settings = loaded(workers=worker(**fields), ssh={"sudo": True, "user": "ops"})
    host = settings.workers[1]
    assert (settings.port_of(host), settings.user_of(host)) == (2222, "debian")
    assert (host.interface, host.zone) == ("enp7s0", "no-svg1")
    assert host.host_key == KEY, "the comment is not the key"
    assert settings.user_of(settings.workers[0]) == "ops"


def test_everything_that_must_be_said_is_asked_for_at_once_with_an_example() -> None:
    assert problems({"nodes": {"source": "existing"}, **FIREWALL}) == [
        "nodes.private_cidr: is missing; add it, e.g. 10.1.0.0/24",
        "nodes.zone: is missing; add it, e.g. no-osl1",
        "nodes.control_planes: is missing; add it, e.g. [{name: cp1, etcd_disk: LABEL=etcd}]",
        "nodes.workers: is missing; add it, e.g. [w1]",
    ]


def test_contradictions_are_told_beside_a_missing_field() -> None:
    found = problems({**nodes(zone=None, workers=[WORKERS[0], {**WORKERS[1], "host": WORKERS[0]["host"]}])})
    assert [line.partition(":")[0] for line in found] == ["nodes.zone", "nodes.workers[w2].host"]


def test_control_plane_without_its_etcd_disk_is_refused_with_the_fix() -> None:
    assert refused(control_planes=control_plane(etcd_disk=None)) == (
        "nodes.control_planes[cp1].etcd_disk: is missing, and etcd's disk is not chosen by silence; "
        "name its disk, e.g. LABEL=etcd or /dev/vdb, or write root to let etcd share the system's disk"
    )


@pytest.mark.parametrize("disk", ["root", "LABEL=etcd", "UUID=3f1c-77", "/dev/vdb", "/dev/disk/by-id/virtio-etcd"])
def test_etcd_disk_is_taken_as_mount_takes_it(disk: str) -> None:
    assert loaded(control_planes=control_plane(etcd_disk=disk)).control_planes[0].etcd_disk == disk


@pytest.mark.parametrize("disk", ["vdb", "etcd", "LABEL=", "/mnt/etcd", "LABEL=a b", "none"])
def test_what_names_no_disk_is_refused(disk: str) -> None:
    assert "does not name a disk; write LABEL=etcd, UUID=..., a device such as /dev/vdb, or root" in refused(
        control_planes=control_plane(etcd_disk=disk)
    )


def test_etcd_disk_of_a_worker_is_refused_by_its_role() -> None:
    assert refused(workers=worker(etcd_disk="root")).endswith("is a key of control planes only; remove it")


def test_address_with_a_prefix_of_32_is_refused_with_the_reason() -> None:
    assert refused(workers=worker(address="10.1.0.22/32")) == (
        "nodes.workers[w2].address: 10.1.0.22/32 has a prefix length, with which Calico takes every neighbour for a "
        "far one (calico#2375); write 10.1.0.22; the length is nodes.private_cidr's"
    )


def test_address_with_another_prefix_is_refused() -> None:
    assert refused(workers=worker(address="10.1.0.22/24")) == (
        "nodes.workers[w2].address: 10.1.0.22/24 has a prefix length; "
        "write 10.1.0.22; the length is nodes.private_cidr's"
    )


def test_private_network_of_one_address_is_refused() -> None:
    found = problems(nodes(private_cidr="10.1.0.11/32"))
    assert (
        "nodes.private_cidr: 10.1.0.11/32 has no room for two nodes (and with a /32 Calico takes every neighbour for a "
        "far one, calico#2375); write the network with the length that the nodes' NICs have on it, e.g. 10.1.0.0/24"
    ) in found


@pytest.mark.parametrize(
    ("other", "field"), [({"network": {"pod_cidr": "10.1.0.0/16"}}, "network.pod_cidr"),
                         ({"kubernetes": {"service_cidr": "10.0.0.0/12"}}, "kubernetes.service_cidr")],
)  # fmt: skip
def test_private_network_that_overlaps_pods_or_services_is_refused(other: dict[str, Any], field: str) -> None:
    (problem,) = problems({**nodes(), **other})
    assert problem.startswith(f"{field}: ")
    assert "nodes.private_cidr 10.1.0.0/24" in problem


def test_two_nodes_with_one_private_address_are_refused() -> None:
    assert "nodes.workers[w2].address: 10.1.0.101 is also the address of w1; give it an address of its own" in problems(
        nodes(workers=worker(address="10.1.0.101"))
    )


def test_two_nodes_that_would_be_one_machine_are_refused() -> None:
    assert refused(workers=worker(host="203.0.113.11")) == (
        "nodes.workers[w2].host: port 22 of this address is also the SSH of cp1, so both would be one machine; "
        "give each host its own address or port"
    )
    assert loaded(workers=worker(host="203.0.113.11", port=2222)), "one address, two ports: forwarded"


def test_bastion_without_key_is_refused() -> None:
    assert refused(ssh={"bastion": {"host": "203.0.113.5"}}) == (
        "nodes.ssh.bastion.key_file: is missing, and a bastion is never entered with a key unsaid; "
        "name its private key, e.g. ~/.ssh/jump (the nodes' own may be named again)"
    )


def test_bastion_without_host_is_asked_for() -> None:
    assert refused(ssh={"bastion": {"key_file": "k"}}) == "nodes.ssh.bastion.host: is missing; add it, e.g. 203.0.113.5"


def test_users_who_cannot_become_root_are_refused_wherever_they_are_said() -> None:
    found = problems(nodes(ssh={"user": "ops"}, workers=worker(user="debian")))
    fix = "set nodes.ssh.sudo: true (it must work without a password), or enter as root"
    assert found == [
        f"nodes.ssh.user: ops is not root, and nodes.ssh.sudo is off; {fix}",
        f"nodes.workers[w2].user: debian is not root, and nodes.ssh.sudo is off; {fix}",
    ]


@pytest.mark.parametrize(
    ("key", "state"),
    [
        ("AAAAC3Nz", "is not a public SSH host key"),
        ("ssh-dss AAAA", "is not a public SSH host key"),
        ("ssh-ed25519 AAAA", "is not a whole SSH host key of type ssh-ed25519"),
        (KEY.replace("ed25519", "rsa"), "is not a whole SSH host key of type ssh-rsa"),
        (KEY[:-3], "is not a whole SSH host key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----hunter2", "is a private key"),
    ],
)
def test_what_is_no_public_host_key_is_refused_and_not_repeated(key: str, state: str) -> None:
    problem = refused(workers=worker(host_key=key))
    assert problem.startswith(f"nodes.workers[w2].host_key: {state}")
    assert "; write the public line of its key" in problem
    assert "hunter2" not in problem


@pytest.mark.parametrize(
    ("zone", "words"),
    [("fi-hel1", "is in FI, not in Norway"), (" NO-OSL1", "write no-osl1"), ("oslo", "does not say in which country")],
)
def test_place_outside_norway_or_misspelled_is_refused_for_all_hosts_and_for_one(zone: str, words: str) -> None:
    assert refused(zone=zone).startswith("nodes.zone: ")
    assert words in refused(zone=zone)
    assert refused(workers=worker(zone=zone)).startswith("nodes.workers[w2].zone: ")


@pytest.mark.parametrize(
    ("field", "value"), [("user", "Root User"), ("interface", "a-very-long-nic-name"), ("interface", "eth 1"),
                         ("port", 0), ("port", "22"), ("host", "203.0.113.300"), ("host", "root@203.0.113.11")],
)  # fmt: skip
def test_what_no_host_can_have_is_refused(field: str, value: Any) -> None:
    assert refused(workers=worker(**{field: value}), ssh={"sudo": True}).startswith(f"nodes.workers[w2].{field}: ")


def test_keys_of_local_machines_are_not_keys_of_hosts() -> None:
    assert refused(pools=[]).startswith("nodes.pools: is a key of nodes.source local only")
    assert "is not a known key" in refused(workers=worker(memory_mib=2048))
