"""References of images and what the offline build makes are one list."""

from __future__ import annotations

from fjordkube import versions
from fjordkube.images import BUILT, built, of, upstream
from fjordkube.settings import load
from offline import manifest
from tests.unit.test_settings_existing import nodes


def test_the_references_are_the_images_that_are_built() -> None:
    sources = manifest.load()
    found = built(sources.versions["kubernetes"], sources.versions["calico"])
    assert dict(found.references) == {image.key: image.name for image in sources.images}


def test_upstream_has_an_image_of_the_same_tag_for_each_that_is_built() -> None:
    for kubernetes, calico in BUILT:
        ours, theirs = built(kubernetes, calico).references, upstream(kubernetes, calico).references
        assert set(theirs) == set(ours)
        tags = {name: reference.rpartition(":")[2] for name, reference in theirs.items()}
        differs = {name for name, reference in ours.items() if reference.rpartition(":")[2] != tags[name]}
        # agnhost in place of the demo; the last patch of the controller's line
        assert differs == {"demo", "ingress-nginx-controller"}


def test_a_stack_gets_the_images_of_its_versions() -> None:
    chosen = {"kubernetes": "v1.36.4", "network": "v3.32.2", "ingress": "v1.15.1"}
    found = of(load({**nodes(), **{section: {"version": version} for section, version in chosen.items()}})).references
    assert found["kube-apiserver"] == "registry.k8s.io/kube-apiserver:v1.36.4"
    assert (found["etcd"], found["coredns"]) == (
        "registry.k8s.io/etcd:3.6.8-0",
        "registry.k8s.io/coredns/coredns:v1.14.2",
    )
    assert found["calico-node"] == "quay.io/calico/node:v3.32.2"
    assert found["ingress-nginx-controller"] == "registry.k8s.io/ingress-nginx/controller:v1.15.1"


def test_kubeadm_finds_upstreams_images_below_its_prefix() -> None:
    found = upstream(versions.DEFAULT_KUBERNETES, versions.DEFAULT_CALICO)
    kubeadms = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "etcd", "pause")
    for component in kubeadms:
        assert found.references[component].startswith(f"{found.kubernetes}/{component}:")
    # the one that kubeadm looks for in a folder of its own there
    assert found.references["coredns"].startswith(f"{found.kubernetes}/coredns/coredns:")
    assert found.sandbox == found.references["pause"]
