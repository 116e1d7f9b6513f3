"""What is built here, and what is known to end when."""

from __future__ import annotations

import pytest

from fjordkube import images, versions
from fjordkube.artifacts import upstream


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


def test_defaults_are_what_is_built_and_were_run() -> None:
    assert images.BUILT.keys() == {(versions.DEFAULT_KUBERNETES, versions.DEFAULT_CALICO)}
    ours = images.built(versions.DEFAULT_KUBERNETES, versions.DEFAULT_CALICO).references["ingress-nginx-controller"]
    assert ours.endswith(f":{versions.BUILT['ingress']}")
    assert upstream.not_run(versions.BUILT["kubernetes"], versions.BUILT["network"], versions.BUILT["ingress"]) == []


def test_versions_are_named_in_their_order() -> None:
    assert versions.names(["v1.10.0", "v1.9.1", "v1.9.0"]) == "v1.9.0, v1.9.1 or v1.10.0"
    assert versions.names(["v1.9.0"]) == "v1.9.0"


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
