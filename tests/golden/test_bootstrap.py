"""kubeadm's files as they land on nodes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from fjordkube.bootstrap import steps
from fjordkube.bootstrap.configuration import cluster_configuration, init_file, join_file
from fjordkube.bootstrap.hardening import api_server_files
from fjordkube.bootstrap.kubelet import kubelet_configuration
from fjordkube.bootstrap.patches import patches
from fjordkube.node import Node
from fjordkube.settings import Kubernetes
from fjordkube.timing import EMULATED, NATIVE, Timing
from tests.golden.bootstrap_cluster import kubeadm, node, nodes, stack, without_scripts
from tests.golden.golden import check

TIMINGS = [NATIVE, EMULATED]


@pytest.mark.parametrize("timing", TIMINGS, ids=lambda timing: str(timing.name))
def test_init(timing: Timing) -> None:
    check(f"bootstrap/init-{timing.name}.yaml", init_file(nodes()[0], kubeadm(timing), ["127.0.0.1"]))


def test_init_in_production_and_what_its_api_server_is_told() -> None:
    settings = stack(kubernetes={"hardening": {"profile": "production"}})
    check("bootstrap/init-production.yaml", init_file(nodes()[0], kubeadm(NATIVE, settings), ["127.0.0.1"]))
    files = api_server_files(settings.kubernetes.hardening)
    check("bootstrap/policies.yaml", "".join(f"# {path}\n{text}" for path, text in files.items()))


@pytest.mark.parametrize("timing", TIMINGS, ids=lambda timing: str(timing.name))
def test_join(timing: Timing) -> None:
    check(f"bootstrap/join-{timing.name}.yaml", join_file(nodes()[1], timing))


def test_join_of_a_control_plane_names_its_own_api() -> None:
    document = yaml.safe_load(join_file(node("cp2", "control-plane", 12), NATIVE))
    assert document["controlPlane"] == {"localAPIEndpoint": {"advertiseAddress": "192.168.77.12", "bindPort": 6443}}


def test_the_kubelet_registers_with_the_nodes_taints() -> None:
    taints = ("dedicated=web:NoSchedule", "batch:PreferNoSchedule")
    document = yaml.safe_load(join_file(replace(node("w1", "worker", 101), taints=taints), NATIVE))
    assert document["nodeRegistration"]["taints"] == [
        {"key": "batch", "effect": "PreferNoSchedule"},
        {"key": "dedicated", "value": "web", "effect": "NoSchedule"},
    ]


def test_patches() -> None:
    assert list(patches(NATIVE)) == ["corednsdeployment+strategic.yaml"]
    every = patches(EMULATED)
    check("bootstrap/patches.yaml", "".join(f"# {name}\n{text}" for name, text in sorted(every.items())))


def test_texts_of_the_steps() -> None:
    every = nodes()
    member = steps.member(every[0], kubeadm(EMULATED), ["127.0.0.1"])
    check("bootstrap/member.sh", without_scripts(member, "reset", "control-plane", "secrets-encryption", "member"))
    check("bootstrap/join.sh", without_scripts(steps.join(every[1], kubeadm(EMULATED)), "reset", "join"))


def test_leader_election_is_off_only_for_a_lone_emulated_control_plane() -> None:
    three = [node(f"cp{n}", "control-plane", 10 + n) for n in (1, 2, 3)]

    def election(every: list[Node], timing: Timing) -> bool:
        document = cluster_configuration(kubeadm(timing, every=every), ["127.0.0.1"])
        return {"name": "leader-elect", "value": "false"} not in document["scheduler"]["extraArgs"]

    assert not election(nodes(), EMULATED)
    assert election(three, EMULATED)
    assert election(nodes(), NATIVE)


def test_certificate_names_come_once_each() -> None:
    settings = stack(kubernetes={"extra_sans": ["api.example.no", "203.0.113.7"]})
    document = cluster_configuration(kubeadm(NATIVE, settings), ["127.0.0.1"])
    assert document["apiServer"]["certSANs"] == [
        "localhost",
        "127.0.0.1",
        "api.fjord.internal",
        "cp1",
        "192.168.77.11",
        "api.example.no",
        "203.0.113.7",
    ]


def test_reservations_are_as_set_and_small_only_under_emulation() -> None:
    assert kubelet_configuration(Kubernetes(), NATIVE)["systemReserved"] == {"cpu": "500m", "memory": "512Mi"}
    assert kubelet_configuration(Kubernetes(), EMULATED)["systemReserved"] == {"cpu": "50m", "memory": "512Mi"}


def test_a_kube_proxy_edit_changes_the_addons_digest_alone() -> None:
    def texts(mode: str) -> tuple[str, str]:
        settings = stack(kube_proxy={"mode": mode})
        text = steps.stage("addons", nodes()[0], kubeadm(NATIVE, settings), ["127.0.0.1"])
        return text.split("JOINABLE_DIGEST=")[1][:64], text.split("ADDONS_DIGEST=")[1][:64]

    before, after = texts("ipvs"), texts("nftables")
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_no_secret_is_rendered() -> None:
    every = nodes()
    text = steps.member(every[0], kubeadm(), ["127.0.0.1"])
    text += steps.join(every[1], kubeadm())
    assert "PRIVATE" not in text
    assert "token: " not in text
