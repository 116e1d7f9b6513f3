"""What goes with what, and what is known to end when."""

from __future__ import annotations

import pytest

from fjordkube import versions
from fjordkube.versions import CalicoRelease, Definitions

KUBERNETES, CALICO = versions.DEFAULT_KUBERNETES, versions.DEFAULT_CALICO


@pytest.mark.parametrize(
    ("text", "parsed"),
    [("v1.36.3", (1, 36, 3)), ("2.1.9~ds1-1", (2, 1, 9)), ("1.7", (1, 7, 0)), ("2.0.0-rc.1", (2, 0, 0))],
)
def test_versions_of_kubernetes_and_debian_are_read(text: str, parsed: versions.Version) -> None:
    assert versions.parse(text) == parsed


@pytest.mark.parametrize("text", ["", "latest", "v1", "containerd 2.1"])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a version"):
        versions.parse(text)


def test_defaults_go_together() -> None:
    assert versions.check(KUBERNETES, CALICO) == []
    assert versions.check(KUBERNETES, CALICO, "2.1.9~ds1-1") == []


@pytest.mark.parametrize("containerd", ["1.7.24", "1.7.24~ds1-6", "1.99"])
def test_containerd_that_is_too_old_for_kubernetes_is_refused(containerd: str) -> None:
    (line,) = versions.check(KUBERNETES, CALICO, containerd)
    told = ".".join(map(str, versions.parse(containerd)))
    assert line == (
        f"kubernetes.version: containerd {told} is too old; Kubernetes {KUBERNETES} needs containerd 2.0 or newer on "
        "every node"
    )


def test_containerd_that_cannot_be_read_is_refused() -> None:
    assert versions.check(KUBERNETES, CALICO, "unknown") == [
        f"kubernetes.version: the containerd version found cannot be read; Kubernetes {KUBERNETES} needs containerd "
        "2.0 or newer on every node"
    ]


def test_everything_that_does_not_go_together_is_told() -> None:
    assert versions.check("v1.20.0", "v3.0.0", "1.7") == [
        f"kubernetes.version: v1.20.0 is not supported; use {KUBERNETES}",
        f"network.version: Calico v3.0.0 is not supported; use {CALICO}",
    ]


def test_calico_that_was_not_run_on_this_kubernetes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    other = CalicoRelease("v3.99.0", kubernetes=frozenset({"v1.40.0", "v1.39.1"}), definitions=Definitions("", "", ""))
    monkeypatch.setitem(versions.CALICO, other.version, other)
    assert versions.check(KUBERNETES, other.version) == [
        f"network.version: Calico v3.99.0 has not been run on Kubernetes {KUBERNETES}; use it with v1.39.1 or v1.40.0"
    ]


def test_table_names_every_release_by_its_own_version() -> None:
    assert {name: release.version for name, release in versions.KUBERNETES.items()} == {
        name: name for name in versions.KUBERNETES
    }
    for calico in versions.CALICO.values():
        assert calico.kubernetes <= set(versions.KUBERNETES)


@pytest.mark.parametrize(
    ("kubernetes", "told"),
    [
        ("v1.34.9", None),
        ("v1.35.0", "1.35: off by default from 1.40 (feature gate KubeProxyIPVS), gone in 1.43; kube_proxy.mode"),
        ("v1.40.1", "1.35: gone in 1.43; kube_proxy.mode nftables"),
        ("v1.43.0", "1.35; kube_proxy.mode nftables"),
    ],
)
def test_warning_of_ipvs_tells_what_is_still_ahead(kubernetes: str, told: str | None) -> None:
    warning = versions.ipvs_warning(kubernetes)
    assert (warning is None) == (told is None)
    assert told is None or (warning and f"kube_proxy.mode: ipvs is deprecated since Kubernetes {told}" in warning)


@pytest.mark.parametrize(
    ("kubernetes", "gates"), [("v1.39.9", False), ("v1.40.0", True), ("v1.42.9", True), ("v1.43.0", False)]
)
def test_gate_of_ipvs_is_opened_where_it_is_shut_by_default(kubernetes: str, gates: bool) -> None:
    assert versions.kube_proxy_feature_gates(kubernetes, "ipvs") == ({"KubeProxyIPVS": True} if gates else {})
    assert versions.kube_proxy_feature_gates(kubernetes, "nftables") == {}


def test_kubernetes_without_ipvs_is_refused_for_it() -> None:
    assert versions.ipvs_problem("v1.42.9") is None
    assert versions.ipvs_problem("v1.43.0") == (
        "ipvs is gone since Kubernetes 1.43, and v1.43.0 is asked for; use nftables"
    )
