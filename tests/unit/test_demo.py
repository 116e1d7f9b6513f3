"""The demo's settings and rights."""

from __future__ import annotations

from typing import Any

import pytest

from fjordkube.demo import PORT, container, deployment, objects, program
from fjordkube.gates import probe
from fjordkube.settings import Demo


def test_host_and_replicas_come_from_the_settings() -> None:
    found = {body["kind"]: body for body in objects(Demo(host="www.example.org", replicas=5), "i", "native", "nginx")}
    assert found["Ingress"]["spec"]["rules"][0]["host"] == "www.example.org"
    assert found["Ingress"]["spec"]["ingressClassName"] == "nginx"
    assert found["Deployment"]["spec"]["replicas"] == 5


def test_the_service_selects_the_pods_and_the_ingress_names_its_port() -> None:
    found = {body["kind"]: body for body in objects(Demo(), "i", "native", "nginx")}
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    service = found["Service"]["spec"]
    assert service["selector"].items() <= labels.items()
    (path,) = found["Ingress"]["spec"]["rules"][0]["http"]["paths"]
    assert path["backend"]["service"]["port"]["name"] in {port["name"] for port in service["ports"]}


def test_replicas_wait_for_a_second_node_where_there_is_one_and_a_third_changes_nothing() -> None:
    def pod(nodes: int) -> Any:
        return deployment(Demo(), "i", "native", nodes)["spec"]["template"]["spec"]

    (two,) = pod(2)["topologySpreadConstraints"]
    assert (two["whenUnsatisfiable"], two["minDomains"], two["nodeTaintsPolicy"]) == ("DoNotSchedule", 2, "Honor")
    assert pod(1)["topologySpreadConstraints"][0]["minDomains"] == 1  # a lone worker takes them all
    assert pod(3) == pod(2)


def test_it_is_admitted_by_the_restricted_pod_security_standard() -> None:
    (namespace,) = (body for body in objects(Demo(), "i", "native", "nginx") if body["kind"] == "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    rights = container("i", "native")["securityContext"]
    assert rights["runAsNonRoot"] is True
    assert rights["allowPrivilegeEscalation"] is False
    assert rights["capabilities"] == {"drop": ["ALL"]}
    assert rights["seccompProfile"] == {"type": "RuntimeDefault"}


@pytest.mark.parametrize(
    "image",
    [
        "registry.k8s.io/e2e-test-images/agnhost:2.66.1",
        "mirror.example:5000/e2e-test-images/agnhost:2.66.1@sha256:" + "a" * 64,
        "agnhost",
    ],
)
def test_upstreams_stand_in_is_told_what_to_serve_and_where(image: str) -> None:
    assert container(image, "native")["args"] == ["serve-hostname", f"--port={PORT}"]
    assert probe.container(image)["args"] == ["serve-hostname", f"--port={PORT}"]


@pytest.mark.parametrize("image", ["fjordkube.local/fjordkube/demo:v1", "agnhost.example:5000/demo:1", "x/agnhost-2:1"])
def test_our_own_program_needs_to_be_told_nothing(image: str) -> None:
    assert program(image) == {}
    assert "args" not in container(image, "native")
