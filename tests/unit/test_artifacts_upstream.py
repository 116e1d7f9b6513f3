"""What upstream publishes: a list for each listed set, with checksums that agree with what is pinned elsewhere."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from fjordkube import versions
from fjordkube.artifacts import places
from fjordkube.artifacts.needs import Architecture, Needs, from_json
from fjordkube.artifacts.upstream import INGRESS_NGINX, Proved, needs, table
from fjordkube.errors import FjordkubeError
from fjordkube.images import built
from fjordkube.roots import CHECKOUT
from offline import manifest

ARCHITECTURES: tuple[Architecture, ...] = get_args(Architecture)
LISTED = list(itertools.product(table()["kubernetes"], ARCHITECTURES))
PROJECTS = ("kubernetes", "calico", "ingress-nginx")
FILES = ["kubeadm", "kubelet", "kubectl", "cri-tools", "containerd", "runc", "cni-plugins"]
BUILT = dict(zip(PROJECTS, versions.BUILT.values(), strict=True))
RUN = (versions.DEFAULT_KUBERNETES, versions.DEFAULT_CALICO)
PAGE = CHECKOUT / "docs" / "artifacts.md"


def usual(architecture: Architecture = "amd64") -> Needs:
    return needs(*RUN, INGRESS_NGINX, architecture)


def sourced(entry: Any) -> Iterator[dict[str, Any]]:
    """Every table below `entry` that holds a checksum, or a digest, and so a source."""
    for value in entry.values():
        if isinstance(value, dict):
            if value.keys() & {*ARCHITECTURES, "digest", "sha256"}:
                yield value
            yield from sourced(value)


@pytest.mark.parametrize(("kubernetes", "architecture"), LISTED)
def test_every_listed_kubernetes_has_all_files(kubernetes: str, architecture: Architecture) -> None:
    found = needs(kubernetes, versions.DEFAULT_CALICO, INGRESS_NGINX, architecture)
    assert [file.name for file in found.files] == FILES
    assert len({file.sha256 for file in found.files}) == len(found.files)
    for file in found.files:
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert re.fullmatch(r"https://[a-z0-9.]+/[\w./-]+", file.url)
        assert file.version.removeprefix("v") in file.url
        assert architecture in file.url
        assert file.component in places.LINKS
    assert from_json(found.as_json()) == found


def test_every_listed_set_has_an_image_of_each_component() -> None:
    for kubernetes, calico, ingress in itertools.product(*(table()[project] for project in PROJECTS)):
        found = needs(kubernetes, calico, ingress, "amd64").images
        assert {image.component for image in found} == set(built(*RUN).references)
        for image in found:
            assert re.fullmatch("(sha256:[0-9a-f]{64})?", image.digest)
            assert re.fullmatch(r"[a-z0-9.]+/[a-z0-9/-]+:[\w.-]+", image.reference)


def test_architectures_have_the_same_images_and_other_files() -> None:
    one, other = usual("amd64"), usual("arm64")
    assert one.images == other.images
    assert not {file.sha256 for file in one.files} & {file.sha256 for file in other.files}


@pytest.mark.parametrize("kubernetes", versions.KUBERNETES)
def test_containerd_of_each_kubernetes_is_new_enough(kubernetes: str) -> None:
    found = needs(kubernetes, versions.DEFAULT_CALICO, INGRESS_NGINX, "amd64").versions["containerd"]
    assert versions.parse(found) >= versions.MINIMUM_CONTAINERD
    # 1.35 is the last minor that works with containerd 1.x
    assert versions.parse(kubernetes) >= (1, 36, 0)


def test_checksums_are_those_of_the_programs_that_the_offline_build_downloads() -> None:
    pinned = {release.url: release.sha256 for release in manifest.load().official.values()}
    both = [file for file in usual().files if file.url in pinned]
    assert {file.name for file in both} == {"kubeadm", "kubelet", "kubectl", "cri-tools"}
    assert all(file.sha256 == pinned[file.url] for file in both)


def test_a_worker_needs_no_image_of_the_control_plane() -> None:
    found = usual()
    gone = {image.component for image in found.images} - {image.component for image in found.of("worker").images}
    assert gone == {"kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"}
    assert found.of("worker").files == found.files


def test_every_checksum_names_its_source() -> None:
    entries = [*sourced(table()["files"]), *sourced(table()["images"]), *sourced(table()["calico"])]
    assert len(entries) > 20
    for entry in entries:
        for source in (entry["source"], entry.get("also", entry["source"])):
            assert re.match(r"[\w.-]+/[\w.-]+@[0-9a-f]{7,9} \S+|text \d+ \(.+\)$", source)


def test_no_digest_is_of_a_tag_that_no_release_has() -> None:
    for project in PROJECTS:
        for component, entry in table()["images"][project].items():
            tags = {release.get("tags", {}).get(component, name) for name, release in table()[project].items()}
            assert set(entry.get("digests", {})) <= tags


def test_a_release_says_how_it_was_proved() -> None:
    for project in PROJECTS:
        for release in table()[project].values():
            assert release["proved"] in get_args(Proved)
        assert [name for name, release in table()[project].items() if release["proved"] == "run here"] == [
            BUILT[project]
        ]


def test_every_calico_has_definitions_of_its_own_checksum() -> None:
    sums = [release["definitions"]["sha256"] for release in table()["calico"].values()]
    assert all(re.fullmatch("[0-9a-f]{64}", one) for one in sums)
    assert len(set(sums)) == len(sums)
    module = table()["calico"][versions.DEFAULT_CALICO]["definitions"]["module"]
    assert module in {one.version for one in manifest.load().modules}


def test_what_is_not_listed_is_named_at_once() -> None:
    with pytest.raises(FjordkubeError) as error:
        needs("v1.9.9", "v3.0.0", "v0.1.0", "amd64")
    lines = str(error.value).splitlines()
    assert [line.split(";")[0] for line in lines] == [
        "kubernetes.version: Kubernetes v1.9.9 is not among upstream's releases with checksums",
        "network.version: Calico v3.0.0 is not among upstream's releases with checksums",
        "ingress.version: ingress-nginx v0.1.0 is not among upstream's releases with checksums",
    ]
    assert lines[0].endswith("; use one of v1.36.4, v1.37.0, v1.37.1")


def test_an_architecture_without_checksums_is_told_with_its_files() -> None:
    with pytest.raises(FjordkubeError) as error:
        usual("riscv64")  # type: ignore[arg-type]
    assert "artifacts: no checksum of containerd v2.3.4 for riscv64" in str(error.value)
    assert len(str(error.value).splitlines()) == 5


def row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def test_the_page_has_the_table_as_it_is() -> None:
    page = PAGE.read_text()
    for component, entry in table()["files"].items():
        for version, sums in entry["sums"].items():
            assert row(component, version, sums["source"]) in page
    for project in PROJECTS:
        for entry in table()["images"][project].values():
            tags = sorted({one["digest"] and tag for tag, one in entry.get("digests", {}).items()})
            assert row(f"`{entry['name']}`", ", ".join(tags) or "none") in page
        for name, release in table()[project].items():
            assert row(project, name, release["proved"]) in page
    for name, release in table()["calico"].items():
        definitions = release["definitions"]
        assert row(f"calico {name}", definitions["source"], "yes" if "module" in definitions else "no") in page
