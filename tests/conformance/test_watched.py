"""A real API server tells of changes as helpers/watched.py expects, and takes the constraint that spreads replicas."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from fjordkube.demo import deployment
from fjordkube.helpers import watched as module
from fjordkube.helpers.api import Api
from fjordkube.helpers.watched import Watched
from fjordkube.settings import Demo
from tests.conformance.api_server import ApiServer

LABEL = "kubernetes.io/service-name"


def endpoints(name: str, ready: bool) -> dict[str, Any]:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "labels": {LABEL: "demo"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.244.1.3"], "conditions": {"ready": ready}}],
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    }


def seen(slices: Watched, wanted: dict[str, bool]) -> float:
    """Seconds until that is what there is."""
    begun = time.monotonic()
    while {item["metadata"]["name"]: item["endpoints"][0]["conditions"]["ready"] for item in slices.items()} != wanted:
        assert time.monotonic() - begun < 10
        slices.rest(2)
    return time.monotonic() - begun


def test_what_changes_is_told_over_a_kept_connection(
    api: ApiServer, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
    client = Api(yaml.safe_dump(api.kubeconfig), tmp_path)
    monkeypatch.setattr(module, "LIFE_SECONDS", 3)
    with Watched(client, f"{path}?labelSelector={LABEL}%3Ddemo") as slices:
        assert slices.items() == []
        connection = client._connection
        for ready in (False, True):
            api.apply(f"{path}/demo-1", endpoints("demo-1", ready), "test")
            assert seen(slices, {"demo-1": ready}) < 1
        time.sleep(4)  # by now the API has ended the watch, and another was begun
        api.request("DELETE", f"{path}/demo-1")
        assert seen(slices, {}) < 1
        assert client._connection is connection


def test_the_constraint_that_spreads_replicas_is_one(api: ApiServer, namespace: str) -> None:
    body = deployment(Demo(), "registry.example/demo:1", "native", nodes=2)
    body["metadata"]["namespace"] = namespace
    found = api.apply(f"/apis/apps/v1/namespaces/{namespace}/deployments/demo", body, "test")
    (told,) = found["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert told == body["spec"]["template"]["spec"]["topologySpreadConstraints"][0]
