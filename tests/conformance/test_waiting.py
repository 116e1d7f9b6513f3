"""Waiting for objects: a rollout that comes, one that fails, one that is cancelled. The test plays the controller."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from tests.conformance.api_server import ApiServer
from tests.conformance.engine import Stack
from tests.conformance.objects_program import program
from tests.conformance.test_objects import connected

NewStack = Callable[[str], Stack]


def deployment(namespace: str, **annotations: str) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "web",
            "namespace": namespace,
            "annotations": {
                "pulumi.com/deletionPropagationPolicy": "background",
                **{f"pulumi.com/{key}": value for key, value in annotations.items()},
            },
        },
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web:1"}]},
            },
        },
    }


def path(namespace: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/deployments/web"


def roll_out(api: ApiServer, namespace: str) -> None:
    """What the controllers write when a rollout succeeds: the replica set, then the deployment's status."""
    _until(lambda: api.get(path(namespace)) is not None)
    live = api.get(path(namespace))
    assert live is not None
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": live["metadata"]["uid"]}
    replicas = {
        "metadata": {
            "name": "web-1",
            "labels": {"app": "web"},
            "annotations": {"deployment.kubernetes.io/revision": "1"},
            "ownerReferences": [{**owner, "controller": True}],
        },
        "spec": {key: live["spec"][key] for key in ("replicas", "selector", "template")},
    }
    made = api.request("POST", f"/apis/apps/v1/namespaces/{namespace}/replicasets", replicas)
    counts = {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1}
    api.set_status(
        f"/apis/apps/v1/namespaces/{namespace}/replicasets/{made['metadata']['name']}",
        {**counts, "observedGeneration": 1},
    )
    revision = {"metadata": {"annotations": {"deployment.kubernetes.io/revision": "1"}}}
    api.request("PATCH", path(namespace), revision, "application/merge-patch+json")
    now = api.get(path(namespace))
    assert now is not None
    conditions = [
        {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"},
        {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
    ]
    generation = now["metadata"]["generation"]
    api.set_status(
        path(namespace),
        {**counts, "updatedReplicas": 1, "observedGeneration": generation, "conditions": conditions},
    )


def test_a_rollout_is_awaited(new_stack: NewStack, api: ApiServer, namespace: str) -> None:
    stack = connected(new_stack(program({"web": deployment(namespace)})), api)
    done = threading.Event()

    def control() -> None:
        time.sleep(2)
        roll_out(api, namespace)
        done.set()

    controller = threading.Thread(target=control)
    controller.start()
    stack.up()
    assert done.is_set(), "up ended before the rollout did"
    controller.join()


def test_a_failed_wait_tells_conditions_and_events_and_is_taken_up_again(
    new_stack: NewStack, api: ApiServer, namespace: str
) -> None:
    stack = connected(new_stack(program({"web": deployment(namespace, timeoutSeconds="6")})), api)

    def trouble() -> None:
        _until(lambda: api.get(path(namespace)) is not None)
        live = api.get(path(namespace))
        assert live is not None
        bad = {
            "type": "Available",
            "status": "False",
            "reason": "MinimumReplicasUnavailable",
            "message": "no pod is available",
        }
        api.set_status(path(namespace), {"observedGeneration": 1, "conditions": [bad]})

    controller = threading.Thread(target=trouble)
    controller.start()
    failed = stack.up(fails=True)
    controller.join()
    assert "Minimum number of live Pods was not attained" in failed.output
    assert "web" in stack.resources(), "the object exists, so the state keeps it"
    assert stack.resources()["web"]["initErrors"]

    controller = threading.Thread(target=roll_out, args=(api, namespace))
    controller.start()
    assert stack.up().changes() == {"web": ["update"]}
    controller.join()
    assert "initErrors" not in stack.resources()["web"]
    assert stack.up().changes() == {}


def test_a_cancelled_wait_keeps_the_object_for_the_next_run(
    new_stack: NewStack, api: ApiServer, namespace: str
) -> None:
    stack = connected(new_stack(program({"web": deployment(namespace)})), api)
    run = stack.start_up()
    _until(lambda: api.get(path(namespace)) is not None)
    started = time.monotonic()
    stack.interrupt(run)
    assert time.monotonic() - started < 20
    assert run.returncode != 0
    assert "web" in stack.resources()
    stack.destroy()
    assert api.get(path(namespace)) is None


def _until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.05)
