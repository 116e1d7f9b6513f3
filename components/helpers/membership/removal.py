"""Takes a node out of the cluster: drain, forget, reset; and gives a machine back that was lent. Each part is bounded,
none able to block a destroy.

Owns that order (a machine that is dead already must not stop it: pulumi-command#104). Leaves resetting to
scripts/reset.sh, and undoing a host's preparation to scripts/release.sh.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .. import ssh
from ..api import Api
from ..errors import HelperError
from ..log import log
from . import control_planes


def remove(env: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """Out of the cluster if the cluster answers, and reset if it is asked for and the machine answers.

    A control plane (FJORDKUBE_PEERS) leaves through another one, whichever answers: its own API ends with it.
    """
    node = env["FJORDKUBE_NODE"]
    try:
        at = _other(env, folder) if "FJORDKUBE_PEERS" in env else None
        api = at.api(folder, timeout=5) if at else Api(env["FJORDKUBE_KUBECONFIG"], folder, timeout=5)
        api.request("GET", "/readyz", attempts=1)
        api.timeout = 30
        drain(api, node, float(env["FJORDKUBE_DRAIN"]))
        if at:
            # while its member still votes: without it, two that are left might be too few
            at.forget(node, env["FJORDKUBE_ADDRESS"])
        api.delete(f"/api/v1/nodes/{quote(node)}")
        log(f"{node}: removed from the cluster")
    except (OSError, HelperError) as error:
        log(f"{node}: not removed from the cluster, going on: {error}")
    if env.get("FJORDKUBE_RESET_SCRIPT"):
        _there(env["FJORDKUBE_RESET_SCRIPT"], "reset", env, folder)
    return {"node": node, "state": "removed"}


def _other(env: Mapping[str, str], folder: Path) -> control_planes.ControlPlane:
    at = control_planes.living(control_planes.beside(env, folder))
    if at is None:
        raise HelperError("no other control plane answers")
    return at


def release(env: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """A machine that outlives the stack is as it was given, if it answers."""
    done = _there(env["FJORDKUBE_RELEASE_SCRIPT"], "given back clean", env, folder)
    return {"node": env["FJORDKUBE_NODE"], "state": "released" if done else "not reached"}


def _there(script: str, what: str, env: Mapping[str, str], folder: Path) -> bool:
    """Runs a script on the machine; whether it did."""
    node = env["FJORDKUBE_NODE"]
    try:
        command = ssh.Access.from_environment(node, env).command(folder, connect_timeout=5)
        ssh.run(command, script, {}, node, attempts=1)
    except (OSError, HelperError) as error:
        log(f"{node}: not {what}, going on: {error}")
        return False
    return True


def drain(api: Api, node: str, seconds: float) -> None:
    """Evicts the node's pods, DaemonSets' and static ones aside; gives up waiting after `seconds`."""
    path = f"/api/v1/nodes/{quote(node)}"
    code, _ = api.request("PATCH", path, {"spec": {"unschedulable": True}})
    if code == 404:
        return
    end = time.monotonic() + seconds
    while True:
        pods = evictable(api, node)
        if not pods:
            return
        if time.monotonic() > end:
            log(f"{node}: {len(pods)} pods were not gone after {seconds:.0f} s, going on: {', '.join(sorted(pods))}")
            return
        for namespace, name in (pod.split("/") for pod in pods):
            eviction = {
                "apiVersion": "policy/v1",
                "kind": "Eviction",
                "metadata": {"name": name, "namespace": namespace},
            }
            # 429: a disruption budget says not yet; the next round asks again
            api.request("POST", f"/api/v1/namespaces/{namespace}/pods/{name}/eviction", eviction, attempts=1)
        time.sleep(2)


def evictable(api: Api, node: str) -> list[str]:
    """namespace/name of the pods that somebody else would have to run."""
    _, answer = api.request("GET", f"/api/v1/pods?fieldSelector=spec.nodeName%3D{quote(node)}")
    found = []
    for pod in answer.get("items") or []:
        meta = pod["metadata"]
        owners = {owner["kind"] for owner in meta.get("ownerReferences") or []}
        static = "kubernetes.io/config.mirror" in (meta.get("annotations") or {})
        ended = pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
        if not static and not ended and "DaemonSet" not in owners:
            found.append(f"{meta['namespace']}/{meta['name']}")
    return found
