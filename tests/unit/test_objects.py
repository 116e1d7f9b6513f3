"""Names, annotations and order of objects, without Pulumi."""

from __future__ import annotations

from typing import Any

import pytest

from fjordkube.objects import Object, exec_probes, http_probes, naming, prepared, token, wants
from fjordkube.objects.kubernetes_object import plugin_version


def thing(kind: str, name: str = "x", api: str = "v1", **more: Any) -> Object:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, **more}}


def definition(kind: str, plural: str, group: str = "crd.example") -> Object:
    found = thing("CustomResourceDefinition", f"{plural}.{group}", "apiextensions.k8s.io/v1")
    return {**found, "spec": {"group": group, "names": {"kind": kind, "plural": plural}}}


@pytest.mark.parametrize(
    ("api", "kind", "expected"),
    [
        ("v1", "ConfigMap", "kubernetes:core/v1:ConfigMap"),
        ("apps/v1", "DaemonSet", "kubernetes:apps/v1:DaemonSet"),
        ("rbac.authorization.k8s.io/v1", "Role", "kubernetes:rbac.authorization.k8s.io/v1:Role"),
        ("crd.projectcalico.org/v1", "IPPool", "kubernetes:crd.projectcalico.org/v1:IPPool"),
    ],
)
def test_token_is_the_one_that_the_sdk_uses(api: str, kind: str, expected: str) -> None:
    assert token(api, kind) == expected


def test_token_and_version_agree_with_the_sdks_own() -> None:
    from pulumi_kubernetes import _utilities
    from pulumi_kubernetes.apps.v1 import DaemonSet
    from pulumi_kubernetes.core.v1 import Secret

    sdk: list[Any] = [DaemonSet, Secret]
    assert [kind.pulumi_type for kind in sdk] == [token("apps/v1", "DaemonSet"), token("v1", "Secret")]
    defaults: Any = _utilities.get_resource_opts_defaults
    assert (defaults().version, defaults().plugin_download_url) == (plugin_version(), None)


def test_name_says_parent_kind_and_name() -> None:
    assert naming("calico", thing("DaemonSet", "calico-node")) == "calico-daemonset-calico-node"


def test_name_of_a_definition_leaves_the_group_out() -> None:
    assert naming("calico", definition("IPPool", "ippools")) == "calico-crd-ippools"


def test_prepared_adds_to_annotations_and_leaves_the_argument_alone() -> None:
    body = thing("IngressClass", annotations={"mine": "1"})
    assert prepared(body)["metadata"]["annotations"] == {
        "mine": "1",
        "pulumi.com/skipAwait": "true",
        "pulumi.com/patchForce": "true",
    }
    assert body["metadata"]["annotations"] == {"mine": "1"}


def test_definitions_are_awaited() -> None:
    assert "pulumi.com/skipAwait" not in prepared(definition("IPPool", "ippools"))["metadata"]["annotations"]


POOL = thing("IPPool", api="crd.example/v1")
NODE = thing("DaemonSet", api="apps/v1", namespace="a")


@pytest.mark.parametrize(
    ("body", "other"),
    [
        (thing("ConfigMap", namespace="a"), thing("Namespace", "a")),
        (POOL, definition("IPPool", "ippools")),
        (NODE, definition("IPPool", "ippools")),
        (NODE, POOL),
        (NODE, thing("Secret", namespace="a")),
        (NODE, thing("ServiceAccount", namespace="a")),
        (thing("ValidatingWebhookConfiguration"), NODE),
    ],
)
def test_what_is_needed_comes_first(body: Object, other: Object) -> None:
    assert wants(body, other)
    assert not wants(other, body)


@pytest.mark.parametrize(
    ("body", "other"),
    [
        (thing("ConfigMap", namespace="a"), thing("Namespace", "b")),
        (thing("ConfigMap"), definition("IPPool", "ippools")),
        (POOL, definition("BGPPeer", "bgppeers")),
        (thing("IPPool", api="other.example/v1"), definition("IPPool", "ippools")),
        (NODE, thing("PodDisruptionBudget", namespace="a")),
        (NODE, thing("Service", namespace="a")),
        (NODE, thing("Deployment", namespace="a")),
        (thing("ClusterRoleBinding"), thing("ClusterRole")),
    ],
)
def test_what_is_not_needed_does_not_wait(body: Object, other: Object) -> None:
    assert not wants(body, other)


def test_pace_changes_only_the_periods_of_probes() -> None:
    native, emulated = (
        http_probes("native", 9099, "/readiness", "/liveness", host="localhost"),
        http_probes("emulated", 9099, "/readiness", "/liveness", host="localhost"),
    )
    assert native != emulated
    for name, probe in native.items():
        assert probe["httpGet"] == emulated[name]["httpGet"]
        assert probe["periodSeconds"] <= emulated[name]["periodSeconds"]
        assert probe["timeoutSeconds"] <= emulated[name]["timeoutSeconds"]


def test_a_slow_start_is_given_time_before_liveness_counts() -> None:
    startup = exec_probes("emulated", ["r"], ["l"])["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 1200
