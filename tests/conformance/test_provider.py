"""The kubernetes Provider resource: which changes mean another cluster, and a cluster that is gone."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable

from tests.conformance.api_server import ApiServer
from tests.conformance.engine import Stack
from tests.conformance.objects_program import program
from tests.conformance.test_objects import config_map, connected
from tests.unit.ssh_server import free_port

NewStack = Callable[[str], Stack]


def test_with_an_identifier_only_the_identifier_means_another_cluster(
    new_stack: NewStack, api: ApiServer, namespace: str
) -> None:
    objects = {"cm": config_map(namespace, a="1")}
    stack = connected(new_stack(program(objects, provider={"cluster_identifier": "one"})), api)
    stack.up()

    # The same cluster at another address: nothing on it changes.
    other = copy.deepcopy(api.kubeconfig)
    other["clusters"][0]["cluster"]["tls-server-name"] = "127.0.0.1"
    stack.configure("kubeconfig", json.dumps(other), secret=True)
    assert stack.preview().changes() == {"k": ["update"]}

    # A kubeconfig that is not known yet: no provider can be asked, and the engine expects an update, never another
    # object (without an identifier it would be a replacement: pulumi-kubernetes#2745).
    later = program(
        objects,
        provider={"cluster_identifier": "one"},
        kubeconfig="local.Command('c', create='cat kubeconfig').stdout",
    )
    stack.program(later)
    assert stack.preview().changes() == {"c": ["create"], "k": ["update"], "cm": ["update"]}

    stack.program(program(objects, provider={"cluster_identifier": "two"}))
    assert "replace" in stack.preview().changes()["cm"]


def test_objects_of_a_cluster_that_is_gone_can_be_dropped(new_stack: NewStack, api: ApiServer, namespace: str) -> None:
    stack = connected(
        new_stack(program({"cm": config_map(namespace, a="1")}, provider={"cluster_identifier": "x"})), api
    )
    stack.up()
    gone = copy.deepcopy(api.kubeconfig)
    gone["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{free_port()}"
    stack.configure("kubeconfig", json.dumps(gone), secret=True)
    objects = {"cm": config_map(namespace, a="1")}
    stack.program(program(objects, provider={"cluster_identifier": "x", "delete_unreachable": True}))
    stack.up()
    stack.destroy()
    assert stack.resources() == {}
    assert api.get(f"/api/v1/namespaces/{namespace}/configmaps/settings") is not None
