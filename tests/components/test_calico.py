"""Calico as resources: the tree, the order, the provider; at preview and at up."""

from __future__ import annotations

import pulumi
import pulumi_kubernetes
import pytest

from fjordkube.network import calico
from fjordkube.network.calico import Calico, CalicoArgs
from fjordkube.objects.kubernetes_object import plugin_version
from fjordkube.settings import Calico as CalicoSettings
from tests.components.engine_recording import Recording, record, run

PLURALS = {"IPPool": "ippools", "BGPConfiguration": "bgpconfigurations", "FelixConfiguration": "felixconfigurations"}


IMAGES = {key: f"registry.example/{key}:1" for key in ("calico-node", "calico-cni", "calico-kube-controllers")}


@pytest.fixture(autouse=True)
def some_definitions(no_definitions: None, monkeypatch: pytest.MonkeyPatch) -> None:
    group = "crd.projectcalico.org"
    crds = [
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{group}"},
            "spec": {"group": group, "names": {"kind": kind, "plural": plural}},
        }
        for kind, plural in PLURALS.items()
    ]
    monkeypatch.setattr(calico, "definitions", lambda _version: crds)


def build() -> Calico:
    provider = pulumi_kubernetes.Provider("cluster", kubeconfig="{}")
    machine = pulumi.CustomResource("test:index:Machine", "cp1", {})
    return Calico(
        "calico",
        CalicoArgs(
            settings=CalicoSettings(),
            private_cidr="192.168.77.0/24",
            api_host="192.168.77.11",
            images=IMAGES,
            provider=provider,
            after=[machine],
            deleted_with=provider,
        ),
    )


def children(engine: Recording) -> list[str]:
    return [name for name, found in engine.seen.items() if found.parent == "calico"]


@pytest.mark.parametrize("preview", [True, False])
def test_every_object_is_a_resource_of_its_own_under_the_component(preview: bool) -> None:
    engine = record(preview)

    def program() -> None:
        build()

    run(program)
    assert engine.seen["calico"].type == "fjordkube:network:Calico"
    assert engine.seen["calico"].outputs == {"pod_cidr": "10.244.0.0/16", "encapsulation": "none"}
    found = children(engine)
    assert len(found) == 3 + 9 + 2 + 3 + 1 + 2
    for name in found:
        made = engine.seen[name]
        assert made.type.startswith("kubernetes:")
        assert "cluster" in made.provider
        assert made.deleted_with == "cluster"
        assert "cp1" in made.depends_on
        assert made.version == plugin_version()
        assert made.inputs["metadata"]["annotations"]["pulumi.com/patchForce"] == "true"


@pytest.mark.parametrize("preview", [True, False])
def test_definitions_come_before_their_objects_and_all_before_the_pods(preview: bool) -> None:
    engine = record(preview)

    def program() -> None:
        build()

    run(program)
    for kind, plural in PLURALS.items():
        (made,) = engine.of_type(f"kubernetes:crd.projectcalico.org/v1:{kind}")
        assert set(made.depends_on) == {"cp1", f"calico-crd-{plural}"}
    node = engine.seen["calico-daemonset-calico-node"]
    assert {"calico-ippool-default-ipv4-ippool", "calico-configmap-calico-config"} <= set(node.depends_on)
    assert {f"calico-crd-{plural}" for plural in PLURALS.values()} <= set(node.depends_on)
    assert "calico-poddisruptionbudget-calico-kube-controllers" not in node.depends_on
    assert engine.seen["calico-configmap-calico-config"].depends_on == ["cp1"]


@pytest.mark.parametrize("preview", [True, False])
def test_pods_restart_when_the_api_moves_but_not_when_felix_changes(preview: bool) -> None:
    from fjordkube.network.calico import objects

    def digest(settings: CalicoSettings, host: str) -> str:
        found = objects(settings, IMAGES, "192.168.77.0/24", host, 6443, "native")
        (node,) = (body for body in found if body["kind"] == "DaemonSet")
        return str(node["spec"]["template"]["metadata"]["annotations"]["fjordkube.io/config"])

    first = digest(CalicoSettings(), "192.168.77.11")
    assert digest(CalicoSettings(as_number=65001, nat_outgoing=False), "192.168.77.11") == first
    assert digest(CalicoSettings(), "192.168.77.12") != first
    assert digest(CalicoSettings(mtu=1400), "192.168.77.11") != first
