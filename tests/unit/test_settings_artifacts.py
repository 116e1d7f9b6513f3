"""Where software comes from, as settings: what is refused, and that a bundle is looked at before anything is made."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from fjordkube import images
from fjordkube.errors import SettingsError, UnfitComputer
from fjordkube.host import bundle as check
from fjordkube.settings import BundleArtifacts, MirrorArtifacts, Stack, UpstreamArtifacts, load
from fjordkube.versions import BUILT
from tests.unit import small_bundle
from tests.unit.test_settings_existing import nodes

MIRROR = {"source": "mirror", "files": "https://mirror.example.no/files", "registry": "registry.example.no"}
BUNDLE = {"source": "bundle", "path": "bundles/one", "origin": "built"}


def stack(artifacts: Any) -> Stack:
    return load({**nodes(), "artifacts": artifacts})


def refused(artifacts: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        stack(artifacts)
    return str(caught.value)


def test_nodes_of_every_source_but_local_take_what_upstream_publishes() -> None:
    settings = load(nodes())
    assert isinstance(settings.artifacts, UpstreamArtifacts)
    assert settings.artifacts.install
    assert images.of(settings).references["pause"].startswith("registry.k8s.io/pause:")
    assert images.of(load({})).references["pause"].startswith("fjordkube.local/")


def test_each_source_has_its_own_fields() -> None:
    assert isinstance(stack(MIRROR).artifacts, MirrorArtifacts)
    assert isinstance(stack(BUNDLE).artifacts, BundleArtifacts)
    assert images.of(stack(BUNDLE)).references["pause"].startswith("fjordkube.local/")
    assert "artifacts.path" in refused(
        {"source": "mirror", **{k: MIRROR[k] for k in ("files", "registry")}, "path": "x"}
    )


OTHERS = {"kubernetes": {"version": "v1.36.4"}, "network": {"version": "v3.31.7"}, "ingress": {"version": "v1.15.1"}}


@pytest.mark.parametrize(
    ("base", "whose"),
    [
        ({}, "machines of nodes.source local carry what this project builds; use {}, or another source"),
        (
            {**nodes(), "artifacts": BUNDLE},
            "artifacts.origin built is what this project builds; use {}, or origin upstream",
        ),
    ],
)
def test_versions_that_are_not_built_are_upstreams_alone(base: Any, whose: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({**base, **OTHERS})
    lines = str(caught.value).splitlines()
    for section, built in BUILT.items():
        version = OTHERS[section]["version"]
        line = f"{section}.version: {version} is upstream's alone, and {whose.format(built)}"
        assert any(told.endswith(line) for told in lines), line
    same = {section: {"version": built} for section, built in BUILT.items()}
    assert load({**base, **same}).ingress.version == "v1.11.0"
    assert load({**nodes(), **OTHERS}).network.version == "v3.31.7"


def test_an_image_has_a_version_of_its_own() -> None:
    with pytest.raises(SettingsError) as caught:
        load({**nodes(), "ingress": {"version": "v1.15.1", "image": "registry.example/fork:2"}})
    assert "ingress.version: v1.15.1 is given beside ingress.image" in str(caught.value)


@pytest.mark.parametrize(
    ("artifacts", "told"),
    [
        ({"source": "cdn"}, ["artifacts.source", "upstream, mirror or bundle"]),
        ({"source": "mirror", "files": "https://mirror.example.no"}, ["artifacts.registry", "missing"]),
        ({"source": "bundle"}, ["artifacts.path", "missing"]),
        (
            {**MIRROR, "files": "https://user:hunter2@mirror.example.no"},
            ["artifacts.files", "login in it, in plain text"],
        ),
        ({**MIRROR, "files": "ftp://mirror.example.no"}, ["artifacts.files", "http or https"]),
        ({**MIRROR, "registry": "user:hunter2@registry.example.no"}, ["artifacts.registry", "registryLogin"]),
        ({**MIRROR, "registry": "https://registry.example.no"}, ["artifacts.registry", "without https://"]),
        ({**BUNDLE, "path": "/srv/bundle"}, ["artifacts.path", "relative to the checkout"]),
        ({"proxy": "proxy.example.no:3128"}, ["artifacts.proxy", "http or https"]),
        ({"origin": "built"}, ["artifacts.origin", "source bundle, or install: false"]),
        ({"install": "no"}, ["artifacts.install"]),
    ],
)
def test_what_cannot_be_is_refused_with_field_and_fix(artifacts: Any, told: list[str]) -> None:
    words = refused(artifacts)
    for word in told:
        assert word in words, words
    assert "hunter2" not in words


def test_local_machines_have_it_on_their_disk() -> None:
    with pytest.raises(SettingsError, match=r"artifacts: .*nodes.source local.*; remove the section"):
        load({"artifacts": {}})


# --- The bundle, before anything is made ------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(settings: Stack, *, preview: bool) -> str:
    with pytest.raises(UnfitComputer) as caught:
        check.check(settings, images.of(settings), preview)
    return str(caught.value)


def test_bundle_that_is_not_there_stops_up_and_no_preview(project: Path) -> None:
    settings = stack(BUNDLE)
    check.check(settings, images.of(settings), preview=True)
    assert "artifacts.path: bundles/one is not there; make it by make bundle" in told(settings, preview=False)


def test_bundle_of_other_versions_or_origin_stops_previews_too(project: Path) -> None:
    small_bundle.make(project / "bundles/one")
    settings = stack(BUNDLE)
    words = told(settings, preview=True)
    assert "no ingress-nginx" in words
    small_bundle.again(
        project / "bundles/one",
        lambda needs: dataclasses.replace(needs, versions=check.versions(settings, images.of(settings))),
    )
    check.check(settings, images.of(settings), preview=True)
    assert "origin built, not upstream" in told(stack({**BUNDLE, "origin": "upstream"}), preview=True)


def test_damaged_bundle_stops_previews_too(project: Path) -> None:
    small_bundle.make(project / "bundles/one")
    (project / "bundles/one/bundle.json").write_text("{")
    assert "artifacts.path: " in told(stack(BUNDLE), preview=True)
