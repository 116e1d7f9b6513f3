"""Calico's objects as YAML: what a change of a renderer changes in a cluster is read in the golden files."""

from __future__ import annotations

import pytest

from fjordkube.network.calico import objects
from fjordkube.objects import manifest
from fjordkube.settings import Calico
from fjordkube.timing import TimingName
from tests.golden.golden import check

IMAGES = {
    "calico-node": "registry.example/calico/node:v3.28.5",
    "calico-cni": "registry.example/calico/cni:v3.28.5",
    "calico-kube-controllers": "registry.example/calico/kube-controllers:v3.28.5",
}


def rendered(settings: Calico, timing: TimingName) -> str:
    return manifest(objects(settings, IMAGES, "192.168.77.0/24", "192.168.77.11", 6443, timing, interfaces=["eth1"]))


@pytest.mark.parametrize("timing", ["native", "emulated"])
def test_default_settings(timing: TimingName) -> None:
    check(f"calico-{timing}.yaml", rendered(Calico(), timing))


def test_the_newest_line() -> None:
    check("calico-v3.32.yaml", rendered(Calico(version="v3.32.2"), "native"))


def test_fallback_to_vxlan_between_subnets() -> None:
    settings = Calico(encapsulation="vxlan-cross-subnet", mtu=1450, block_size=24, as_number=65001, node_mesh=False)
    check("calico-vxlan-cross-subnet.yaml", rendered(settings, "native"))
