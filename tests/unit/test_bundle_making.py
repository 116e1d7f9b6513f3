"""Bundles of what is built here: what goes in, from a cache of small stand-ins for the real results."""

from __future__ import annotations

import gzip
import hashlib
import tarfile
from pathlib import Path

import pytest

from fjordkube import images
from fjordkube.artifacts import places
from fjordkube.artifacts.places import CONTROL_PLANE_IMAGES
from fjordkube.errors import FjordkubeError
from fjordkube.helpers.artifacts import bundle as reading
from fjordkube.helpers.artifacts import index
from offline import bundle, catalog, command, compression, manifest, oci, packages, programs, recipes, rootfs
from offline.manifest import Distribution
from offline.oci import Layer, Start
from tests.unit import small_bundle

RELEASES = ["debian-12", "debian-13"]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All results that a bundle is made of, each some bytes."""
    place = tmp_path / "cache"
    monkeypatch.setenv("FJORDKUBE_CACHE", str(place))
    monkeypatch.setenv("FJORDKUBE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FJORDKUBE_SOURCE", "build")
    of = manifest.load()
    for step in programs.steps(of):
        step.result.parent.mkdir(parents=True, exist_ok=True)
        step.result.write_bytes(f"\x7fELF {step.name}".encode())
        packed = compression.program_step(step).result
        packed.parent.mkdir(parents=True, exist_ok=True)
        compression.compress(step.result, packed)
    for image in of.images:
        small_bundle.archive(compression.path(of, image.key), image.name)
    for distribution in of.distributions:
        folder = packages.path(distribution)
        folder.mkdir(parents=True)
        (folder / "conntrack_1.4.8-2_amd64.deb").write_bytes(b"a package")
        sha256 = hashlib.sha256(b"a package").hexdigest()
        entry = index.paragraph(small_bundle.CONTROL, "conntrack_1.4.8-2_amd64.deb", 9, sha256)
        (folder / index.NAME).write_text(entry)
    return place


def test_everything_a_node_needs_is_in_it_and_it_passes_its_own_check(cache: Path, tmp_path: Path) -> None:
    of = manifest.load()
    steps = {step.name: step for step in catalog.steps()}
    assert all(steps[name].done for name in bundle.steps(of, RELEASES))
    target = tmp_path / "made"
    needs = bundle.make(of, RELEASES, target)
    read = reading.read(target)
    assert reading.verify(read, "amd64") == []
    assert read.needs == needs
    assert read.origin == "built"
    assert {file.component for file in needs.files} == set(places.LINKS)
    named = {(file.component, file.name): file for file in needs.files}
    for component, names in bundle.NODE_PROGRAMS.items():
        assert {name for of_component, name in named if of_component == component} == set(names)
    assert {"loopback", "host-local", "portmap", "bandwidth"} <= {name for of_cni, name in named if "cni" in of_cni}
    assert {image.component: image.reference for image in needs.images} == images.built(
        of.versions["kubernetes"], of.versions["calico"]
    ).references
    assert list(needs.packages) == RELEASES
    assert [package.version for package in needs.packages["debian-12"]] == ["1:1.4.8-2"]


def test_one_program_under_two_names_is_one_file(cache: Path, tmp_path: Path) -> None:
    needs = bundle.make(manifest.load(), [], tmp_path / "made")
    calico = [file for file in needs.files if file.component == "calico-cni"]
    assert {file.name for file in calico} == set(rootfs.CNI_PROGRAMS)
    assert len({(file.path, file.sha256, file.size) for file in calico}) == 1
    assert {file.version for file in calico} == {manifest.load().versions["calico"]}


def test_images_of_the_control_plane_are_for_it_alone(cache: Path, tmp_path: Path) -> None:
    needs = bundle.make(manifest.load(), [], tmp_path / "made")
    everywhere = {image.component for image in needs.of("worker").images}
    planes = {image.component for image in needs.of("control-plane").images}
    assert planes - everywhere == CONTROL_PLANE_IMAGES
    assert everywhere & CONTROL_PLANE_IMAGES == set()
    assert everywhere - planes == {"ingress-nginx-controller"}


def test_bundle_is_laid_down_anew_and_shares_no_file_with_the_cache(cache: Path, tmp_path: Path) -> None:
    target = tmp_path / "made"
    bundle.make(manifest.load(), RELEASES, target)
    (target / "files/runc/runc.gz").write_bytes(b"changed")
    bundle.make(manifest.load(), ["debian-13"], target)
    assert reading.verify(reading.read(target)) == []
    assert not (target / "packages/debian-12").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_what_is_no_bundle_is_never_replaced(cache: Path, tmp_path: Path) -> None:
    target = tmp_path / "photographs"
    target.mkdir()
    (target / "one.jpg").touch()
    with pytest.raises(FjordkubeError, match="photographs: there is something that is no bundle; remove it"):
        bundle.make(manifest.load(), [], target)
    assert [path.name for path in target.iterdir()] == ["one.jpg"]


def test_tar_is_one_file_that_begins_with_its_list(cache: Path, tmp_path: Path) -> None:
    target = tmp_path / "made.tar"
    bundle.make(manifest.load(), RELEASES, target, tar=True)
    with tarfile.open(target) as tar:
        assert tar.getnames()[0] == "bundle.json"
        assert tar.getmember("files/runc/runc.gz").mode == 0o644
    assert reading.verify(reading.read(target)) == []
    assert {path.name for path in tmp_path.iterdir()} == {"cache", "made.tar"}


def test_release_without_packages_is_refused(cache: Path) -> None:
    with pytest.raises(FjordkubeError, match=r"^RELEASES: 'debian-11' is not known; any of debian-12, debian-13$"):
        bundle.steps(manifest.load(), ["debian-11"])


def test_nothing_of_a_bundle_is_built_by_up() -> None:
    of = manifest.load()
    extra = {step.name for step in catalog.steps() if step.on_request}
    for_machines = {*(step.name for step in recipes.steps(of)), *rootfs.PROGRAMS, *rootfs.CNI_PROGRAMS.values()}
    assert extra & for_machines == set()
    assert set(bundle.steps(of, RELEASES)) - for_machines <= extra


# --- Compressed images -----------------------------------------------------------------------------------------------


def test_compressed_image_has_the_same_content_in_fewer_bytes_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    layer = Layer()
    layer.file("/text", b"the same again and again " * 4000)
    oci.write(tmp_path / "plain.tar", small_bundle.REFERENCE, layer, Start(("/text",)))
    for name in ("one.tar", "two.tar"):
        compression.compress(tmp_path / "plain.tar", tmp_path / name)
    one = (tmp_path / "one.tar").read_bytes()
    assert one == (tmp_path / "two.tar").read_bytes()
    assert len(one) < (tmp_path / "plain.tar").stat().st_size / 5
    assert gzip.decompress(one) == (tmp_path / "plain.tar").read_bytes()
    assert compression.digest(tmp_path / "one.tar") == compression.digest(tmp_path / "plain.tar")


# --- Packages --------------------------------------------------------------------------------------------------------

APT = """#!/bin/sh
echo "$@" >>"{log}"
case "$*" in
  indextargets*) echo "http://mirror.example/debian/ Debian Debian"
    echo "http://mirror.example/security/ Debian Debian-Security" ;;
  *--simulate*conntrack*) printf 'Inst libc6 (2.41-12 Debian:13 [amd64])\\nInst conntrack (1:1.4.8-2 Debian [amd64])\\n'
    echo 'Inst libmnl0:amd64 (1.0.5-3 Debian [amd64])' ;;
  *--simulate*) echo 'Inst libc6 (2.41-12 Debian:13 [amd64])' ;;
  *download*) touch conntrack_1%3a1.4.8-2_amd64.deb {more} ;;
esac
"""
DPKG = """#!/bin/sh
printf 'Package: %s\\nVersion: 1\\n' "$(basename "$2" | cut -d_ -f1)"
"""


def fake_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: str) -> Path:
    folder = tmp_path / "programs"
    folder.mkdir()
    for name, text in (("apt-get", APT.format(log=tmp_path / "words", more=more)), ("dpkg-deb", DPKG)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("FJORDKUBE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "words"


def test_packages_come_with_what_they_need_less_what_every_installation_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = fake_apt(tmp_path, monkeypatch, "libmnl0_1.0.5-3_amd64.deb")
    target = tmp_path / "packages"
    packages.fetch(Distribution("debian-13", "trixie", 1), target)
    (asked,) = [line for line in words.read_text().splitlines() if " download " in line]
    assert asked.endswith(" download conntrack=1:1.4.8-2 libmnl0=1.0.5-3")
    found = packages.read(target, "packages/debian-13")
    assert [(one.name, one.path) for one in found] == [
        ("conntrack", "packages/debian-13/conntrack_1.4.8-2_amd64.deb"),
        ("libmnl0", "packages/debian-13/libmnl0_1.0.5-3_amd64.deb"),
    ]
    assert not (tmp_path / "packages.apt").exists()
    simulated = [line for line in words.read_text().splitlines() if "--simulate" in line]
    assert all(name in simulated[-1].split() for name in places.PACKAGES.values())


def test_package_that_did_not_come_ends_the_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_apt(tmp_path, monkeypatch, "")
    with pytest.raises(command.BuildError, match="packages of debian-13: 1 of 2 came"):
        packages.fetch(Distribution("debian-13", "trixie", 1), tmp_path / "packages")
