"""Whether a live object has become what it was asked to be: pure functions of the object.

Owns what ready means for each kind (after kubectl's status rules and Kubernetes' API conventions) and what a program
is told while it is not. Leaves asking the server to `waiting.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import objects
from .objects import Object


@dataclass(frozen=True)
class Progress:
    """How far an object is."""

    ready: bool
    message: str = ""
    """What is missing, for a person."""
    failed: bool = False
    """Whether waiting longer cannot help."""


READY = Progress(True)


def progress(obj: Object) -> Progress:
    """How far the live object is."""
    if objects.metadata(obj).get("deletionTimestamp"):
        return Progress(False, "is being deleted")
    status = obj.get("status") or {}
    generation, seen = objects.metadata(obj).get("generation", 0), status.get("observedGeneration")
    if seen is not None and seen < generation:
        return Progress(False, "the controller has not seen the newest change yet")
    rule = RULES.get((objects.group(obj), str(obj.get("kind"))))
    return (rule or _generic)(obj, obj.get("spec") or {}, status)


def conditions(obj: Object) -> dict[str, dict[str, Any]]:
    """The status conditions by type."""
    found = (obj.get("status") or {}).get("conditions") or []
    return {entry.get("type", ""): entry for entry in found if isinstance(entry, dict)}


def shortfall(obj: Object) -> list[str]:
    """What a rollout did not reach, in the official provider's words (provider/pkg/await/deployment.go)."""
    if (objects.group(obj), obj.get("kind")) != ("apps", "Deployment"):
        return []
    found = conditions(obj)
    if found.get("Available", {}).get("status") != "True":
        return ["Minimum number of live Pods was not attained"]
    if found.get("Progressing", {}).get("reason") != "NewReplicaSetAvailable":
        return ["Minimum number of Pods to consider the application live was not attained"]
    return ["Attempted to roll forward to new ReplicaSet, but minimum number of Pods did not become live"]


def complaints(obj: Object) -> list[str]:
    """What the conditions have against the object, one line each."""
    lines = []
    for kind, entry in conditions(obj).items():
        bad = entry.get("status") != "True"
        if kind in {"Failed", "Stalled", "ReplicaFailure", "FailureTarget"}:
            bad = entry.get("status") == "True"
        if bad and (entry.get("reason") or entry.get("message")):
            lines.append(
                f"condition {kind}={entry.get('status')}: {entry.get('reason', '')} {entry.get('message', '')}"
            )
    for container in (obj.get("status") or {}).get("containerStatuses") or []:
        for state in ("waiting", "terminated"):
            if detail := (container.get("state") or {}).get(state):
                reason, message = detail.get("reason", state), detail.get("message", "")
                lines.append(f"container {container.get('name')}: {reason} {message}")
    return [line.rstrip() for line in lines]


def _deployment(obj: Object, spec: Object, status: Object) -> Progress:
    wanted = spec.get("replicas", 1)
    progressing = conditions(obj).get("Progressing", {})
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return Progress(False, f"rollout failed: {progressing.get('message', '')}", failed=True)
    if status.get("observedGeneration") is None:
        return Progress(False, "the deployment controller has not seen it yet")
    updated, total, available = (status.get(key, 0) for key in ("updatedReplicas", "replicas", "availableReplicas"))
    if updated < wanted:
        return Progress(False, f"{updated} of {wanted} replicas are updated")
    if total > updated:
        return Progress(False, f"{total - updated} old replicas are still there")
    if available < updated:
        return Progress(False, f"{available} of {updated} updated replicas are available")
    return READY


def _daemon_set(_obj: Object, spec: Object, status: Object) -> Progress:
    if status.get("observedGeneration") is None:
        return Progress(False, "the daemon set controller has not seen it yet")
    wanted = status.get("desiredNumberScheduled", 0)
    rolling = (spec.get("updateStrategy") or {}).get("type", "RollingUpdate") == "RollingUpdate"
    updated, available = status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0)
    if rolling and updated < wanted:
        return Progress(False, f"{updated} of {wanted} nodes run the newest pods")
    if available < wanted:
        return Progress(False, f"pods are available on {available} of {wanted} nodes")
    return READY


def _stateful_set(_obj: Object, spec: Object, status: Object) -> Progress:
    if status.get("observedGeneration") is None:
        return Progress(False, "the stateful set controller has not seen it yet")
    wanted = spec.get("replicas", 1)
    ready, updated = status.get("readyReplicas", 0), status.get("updatedReplicas", 0)
    if ready < wanted:
        return Progress(False, f"{ready} of {wanted} replicas are ready")
    if updated < wanted and status.get("currentRevision") != status.get("updateRevision"):
        return Progress(False, f"{updated} of {wanted} replicas are updated")
    return READY


def _job(obj: Object, _spec: Object, status: Object) -> Progress:
    found = conditions(obj)
    if found.get("Failed", {}).get("status") == "True":
        return Progress(False, f"failed: {found['Failed'].get('message', '')}", failed=True)
    if found.get("Complete", {}).get("status") == "True":
        return READY
    return Progress(False, f"{status.get('succeeded', 0)} pods have succeeded, {status.get('active', 0)} are active")


def _pod(obj: Object, _spec: Object, status: Object) -> Progress:
    phase = status.get("phase", "Pending")
    if phase == "Failed":
        return Progress(False, f"failed: {status.get('reason', '')} {status.get('message', '')}", failed=True)
    if phase == "Succeeded" or conditions(obj).get("Ready", {}).get("status") == "True":
        return READY
    return Progress(False, f"is {phase} and not ready")


def _crd(obj: Object, _spec: Object, _status: Object) -> Progress:
    found = conditions(obj)
    names = found.get("NamesAccepted", {})
    if names.get("status") == "False":
        return Progress(False, f"names are not accepted: {names.get('message', '')}", failed=True)
    return READY if found.get("Established", {}).get("status") == "True" else Progress(False, "is not established")


def _service(_obj: Object, spec: Object, status: Object) -> Progress:
    if spec.get("type") == "LoadBalancer" and not (status.get("loadBalancer") or {}).get("ingress"):
        return Progress(False, "no load balancer address yet")
    return READY


def _claim(_obj: Object, _spec: Object, status: Object) -> Progress:
    phase = status.get("phase", "Pending")
    return READY if phase == "Bound" else Progress(False, f"is {phase}")


def _generic(obj: Object, _spec: Object, _status: Object) -> Progress:
    """An object that speaks of readiness is believed; one that does not is ready."""
    found = conditions(obj)
    if found.get("Stalled", {}).get("status") == "True":
        return Progress(False, f"is stalled: {found['Stalled'].get('message', '')}", failed=True)
    if found.get("Reconciling", {}).get("status") == "True":
        return Progress(False, "is reconciling")
    ready = found.get("Ready")
    if ready and ready.get("status") != "True":
        return Progress(False, f"Ready is {ready.get('status')}: {ready.get('message', '')}")
    return READY


RULES: dict[tuple[str, str], Callable[[Object, Object, Object], Progress]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "StatefulSet"): _stateful_set,
    ("batch", "Job"): _job,
    ("", "Pod"): _pod,
    ("", "Service"): _service,
    ("", "PersistentVolumeClaim"): _claim,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _crd,
}
