"""Bundles of what upstream publishes, and mirrors filled from them: by the commands, from a registry of a test's."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from commands import mirror as command
from commands.__main__ import main
from fjordkube import versions
from fjordkube.artifacts import mirror as places
from fjordkube.artifacts import upstream
from fjordkube.artifacts.needs import Architecture, Needs
from fjordkube.errors import FjordkubeError
from fjordkube.helpers.artifacts import bundle as reading
from tests.unit import small_bundle
from tests.unit.registry_server import Hub, digest
from tests.unit.test_registry import hub, pauses

__all__ = ["hub", "pauses"]

REAL = upstream.needs


@pytest.fixture
def published(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """Upstream's own list, at upstream's own addresses, of small files and images; half of the digests are listed."""
    monkeypatch.setenv("FJORDKUBE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FJORDKUBE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("REGISTRY_LOGIN", raising=False)
    listed: dict[str, str] = {}

    def needs(kubernetes: str, calico: str, ingress: str, architecture: Architecture) -> Needs:
        real = REAL(kubernetes, calico, ingress, architecture)
        files = []
        for file in real.files:
            content = f"{file.name} {file.version}".encode() * 1000
            hub.files[places.place(file.url)] = content
            files.append(dataclasses.replace(file, sha256=digest(content).partition(":")[2]))
        images = []
        for image in real.images:
            name, _, tag = image.reference.partition("/")[2].rpartition(":")
            if image.reference not in listed:
                kind = "docker" if name.startswith("calico") else "oci"
                listed[image.reference] = hub.image(name, tag, kind)
            images.append(dataclasses.replace(image, digest=listed[image.reference] if image.digest else ""))
        return dataclasses.replace(real, files=tuple(files), images=tuple(images))

    monkeypatch.setattr(upstream, "needs", needs)
    return hub


def make(tmp_path: Path, *more: str) -> Path:
    place = tmp_path / ("bundle.tar" if "tar" in more else "bundle")
    words = ["bundle", "--artifacts", "upstream", "--releases", "", "--output", str(place)]
    assert main([*words, *more]) == 0
    return place


@pytest.mark.parametrize("form", ["folder", "tar"])
def test_what_upstream_publishes_becomes_a_bundle_that_passes_its_check(
    published: Hub, tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place = make(tmp_path, "--form", form)
    assert main(["bundle-verify", str(place), "--architecture", "amd64"]) == 0
    assert "good; upstream, amd64" in capsys.readouterr().out
    found = reading.read(place)
    wanted = upstream.needs(versions.DEFAULT_KUBERNETES, versions.DEFAULT_CALICO, upstream.INGRESS_NGINX, "amd64")
    assert found.needs.versions == wanted.versions
    assert [file.url for file in found.needs.files] == [file.url for file in wanted.files]
    for before, image in zip(wanted.images, found.needs.images, strict=True):
        assert image.reference == before.reference
        name, _, tag = image.reference.partition("/")[2].rpartition(":")
        index = json.loads(published.manifests[f"{name}@{tag}"])
        (amd64,) = [each["digest"] for each in index["manifests"] if each["platform"]["architecture"] == "amd64"]
        assert image.digest == amd64


def test_a_second_bundle_asks_nobody(published: Hub, tmp_path: Path) -> None:
    one = reading.read(make(tmp_path)).needs
    count = len(published.asked)
    assert count
    assert reading.read(make(tmp_path)).needs == one
    assert len(published.asked) == count


def test_everything_that_did_not_come_is_told_and_the_rest_is_kept(
    published: Hub, tmp_path: Path, pauses: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    published.faults["/kubelet"] = ["404"]
    published.faults["/etcd/manifests/"] = ["403"]
    words = ["bundle", "--artifacts", "upstream", "--releases", "", "--output", str(tmp_path / "bundle")]
    assert main(words) == 1
    told = capsys.readouterr().err
    assert "2 problems with what upstream publishes; the rest is kept:" in told
    assert "/amd64/kubelet: is not there (404); " in told
    assert "registry.k8s.io/etcd:3.7.0-0: wants a login, or another one (403); " in told
    assert not (tmp_path / "bundle").exists()
    published.asked.clear()
    make(tmp_path)
    assert {line.split("/")[-1] for line in published.asked if "/v2/" not in line} == {"kubelet"}
    assert all("/etcd/" in line for line in published.asked if "/v2/" in line)


def test_other_versions_are_asked_for_by_name(
    published: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = make(tmp_path, "--calico", "v3.32.2", "--ingress-nginx", "v1.15.1")
    assert reading.read(place).needs.versions["calico"] == "v3.32.2"
    assert main(["bundle", "--artifacts", "upstream", "--releases", "", "--calico", "v9"]) == 1
    assert "network.version: Calico v9 is not among upstream's releases with checksums" in capsys.readouterr().err
    assert main(["bundle", "--calico", "v3.32.2"]) == 1
    assert "--calico: of artifacts built, offline/sources.toml has the versions" in capsys.readouterr().err


def test_packages_need_apt_and_are_refused_before_anything_is_asked(
    published: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["bundle", "--artifacts", "upstream", "--releases", "debian-12,debian-13"]) == 1
    assert (
        "error: RELEASES: packages of debian-12 and debian-13 are brought by apt-get and dpkg-deb, not there; "
        "make the bundle on Debian, or without packages (RELEASES=)"
    ) in capsys.readouterr().err
    assert published.asked == []


# --- Mirrors --------------------------------------------------------------------------------------------------------


def fill(place: Path, tmp_path: Path, hub: Hub, registry: str = "") -> int:
    words = ["--bundle", str(place), "--files", str(tmp_path / "files"), "--ca-file", str(hub.certificate)]
    return main(["mirror", *words, "--registry", registry or f"{hub.host}/k8s"])


@pytest.mark.parametrize("form", ["folder", "tar"])
def test_a_mirror_has_what_nodes_ask_for_and_a_second_run_sends_nothing(
    published: Hub, tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = make(tmp_path, "--form", form)
    wanted = upstream.needs(versions.DEFAULT_KUBERNETES, versions.DEFAULT_CALICO, upstream.INGRESS_NGINX, "amd64")
    own = dict(published.manifests)
    published.blobs.clear()
    published.manifests.clear()
    published.login = "robot:hunter2"
    monkeypatch.setenv("REGISTRY_LOGIN", "robot:hunter2")
    assert fill(place, tmp_path, published) == 0

    files = tmp_path / "files"
    for file in places.mirrored(wanted, "https://mirror.example.no/files").files:
        held = files / file.url.removeprefix("https://mirror.example.no/files/")
        assert digest(held.read_bytes()) == f"sha256:{file.sha256}"
    for image in wanted.images:
        name, _, tag = image.reference.rpartition(":")
        repository = name.partition("/")[2]
        index = own[f"{repository}@{tag}"]
        assert (files / places.index_place(image.reference, digest(index))).read_bytes() == index
        sent = digest(published.manifests[f"k8s/{name}@{tag}"])
        assert f'"{sent}"'.encode() in index
    said = capsys.readouterr().out
    assert "registry.k8s.io/pause:3.10.2: sent, " in said
    assert "hunter2" not in said

    published.asked.clear()
    assert fill(place, tmp_path, published) == 0
    assert {line.split()[0] for line in published.asked if "/token" not in line} == {"HEAD"}
    said = capsys.readouterr().out
    assert "registry.k8s.io/pause:3.10.2: there already" in said
    assert "0 MB written and sent" in said


def test_a_damaged_file_of_the_mirror_is_written_again(published: Hub, tmp_path: Path) -> None:
    place = make(tmp_path)
    assert fill(place, tmp_path, published) == 0
    (kubelet,) = (tmp_path / "files").rglob("kubelet")
    whole = kubelet.read_bytes()
    kubelet.write_bytes(whole[::-1])
    assert fill(place, tmp_path, published) == 0
    assert kubelet.read_bytes() == whole


def test_what_is_built_here_never_gets_upstreams_names(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small_bundle.make(tmp_path / "built")
    assert fill(tmp_path / "built", tmp_path, hub) == 1
    assert "is of origin built, and a mirror has upstream's names" in capsys.readouterr().err
    assert not (tmp_path / "files").exists()
    assert hub.asked == []


def test_a_damaged_bundle_is_refused_before_anything_is_sent(
    published: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = make(tmp_path)
    published.asked.clear()
    (place / "images/pause.tar").write_bytes(b"x")
    assert fill(place, tmp_path, published) == 1
    assert "images/pause.tar: 1 bytes, bundle.json says" in capsys.readouterr().err
    assert published.asked == []


def test_an_address_that_leads_out_of_the_folder_is_refused(
    published: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = make(tmp_path)
    text = (place / "bundle.json").read_text()
    for name in ("bundle.json", "sbom.spdx.json"):
        (place / name).write_text((place / name).read_text().replace("https://dl.k8s.io/", "https://../../"))
    assert "https://dl.k8s.io/" in text
    assert fill(place, tmp_path, published) == 1
    assert "kubelet: https://../../release/" in capsys.readouterr().err
    assert not (tmp_path / "files").exists()


def test_everything_that_is_wrong_with_the_words_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REGISTRY_LOGIN", "hunter2")
    (tmp_path / "file").touch()
    assert main(["mirror", "--files", str(tmp_path / "file"), "--registry", "Not a registry", "--ca-file", "none"]) == 1
    told = capsys.readouterr().err
    for field in ("BUNDLE: missing", "FILES: ", "CA_FILE: none cannot be read", "REGISTRY: ", "REGISTRY_LOGIN: is not"):
        assert f"  - {field}" in told
    assert "hunter2" not in told


@pytest.mark.parametrize(
    ("registry", "plain"),
    [("http://127.0.0.1:5000/k8s", True), ("http://localhost:5000/k8s", True), ("a.no/k8s", False)],
)
def test_a_registry_is_host_and_folder(registry: str, plain: bool) -> None:
    place = command.entered(registry, "", None)
    assert (place.plain, place.folder) == (plain, "k8s")
    assert "://" not in place.host


@pytest.mark.parametrize(
    ("registry", "login", "told"),
    [
        ("http://registry.example.no/k8s", "", "REGISTRY: http to registry.example.no could be read on its way"),
        ("http://127.0.0.1:5000", "a:b", "REGISTRY: http, and REGISTRY_LOGIN is set"),
        ("user:hunter2@registry.example.no", "", "a login goes into the environment variable REGISTRY_LOGIN"),
    ],
)
def test_a_registry_that_would_show_a_login_is_refused(registry: str, login: str, told: str) -> None:
    with pytest.raises(FjordkubeError, match=told) as caught:
        command.entered(registry, login, None)
    assert "hunter2" not in str(caught.value)
