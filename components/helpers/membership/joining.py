"""Makes a machine a member of the cluster, or finds that it is one.

Owns the order of the talk between API and node. Leaves what happens on the node to scripts/join.sh and member.sh, other
control planes to control_planes.py, the token to bootstrap_token.py, labels and taints to labels_and_taints.py.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .. import ssh
from ..api import Api
from ..errors import HelperError
from ..kubeconfig import pointed_at
from ..log import log
from . import control_planes, labels_and_taints
from .bootstrap_token import bootstrap_token, discovery_file

Ask = Callable[..., dict[str, Any]]
"""Runs the node's own script, scripts/member.sh: MAY, then what is brought in memory."""

_TOLD = {"member": "a member whose API is not ready", "begun": "half-way into a cluster", "unreached": "not reached"}


def join(env: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """A worker, until the API knows it; finds a finished join and leaves it alone."""
    node, wait, script = env["FJORDKUBE_NODE"], float(env["FJORDKUBE_WAIT"]), env["FJORDKUBE_SCRIPT"]
    api = Api(env["FJORDKUBE_KUBECONFIG"], folder)
    command = ssh.Access.from_environment(node, env).command(folder)
    known = {"CLUSTER_CA": api.ca.rstrip("\n"), "DISCOVERY": "", "REGISTERED": "no"}
    if api.node_exists(node):
        if ssh.run(command, script, {**known, "REGISTERED": "yes"}, node).get("state") == "member":
            _mark(api, env)
            return {"node": node, "state": "member"}
        # its machine was made anew: kubeadm refuses a name that the API still believes to be ready
        log(f"{node}: the API knows a node of this name, the machine is not it: removing the old one")
        api.delete(f"/api/v1/nodes/{quote(node)}")
    with bootstrap_token(api, node) as token:
        discovery = discovery_file(env["FJORDKUBE_ENDPOINT"], api.ca, token)
        log(f"{node}: joining")
        ssh.run(command, script, {**known, "DISCOVERY": discovery}, node)
        _registered(api, node, wait)
    _mark(api, env)
    log(f"{node}: joined")
    return {"node": node, "state": "member"}


def member(env: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """A control plane, from whatever state it is in: fresh, half-joined, a member, removed, its machine made anew.

    One at a time: etcd admits members singly (the resources see to the order). HelperError where a cluster may live
    that does not answer: beside it, a second one is never started.
    """
    node, script = env["FJORDKUBE_NODE"], env["FJORDKUBE_SCRIPT"]
    command = ssh.Access.from_environment(node, env).command(folder)

    def ask(may: str, **brought: str) -> dict[str, Any]:
        return ssh.run(command, script, {"MAY": may, "DISCOVERY": "", "CERTIFICATE_KEY": "", **brought}, node)

    answer = ask("look")
    started = False
    if answer.get("state") != "member":
        planes = control_planes.beside(env, folder)
        at = control_planes.living(planes)
        # its API is not ready, and the cluster knows it, or cannot be asked: it may be about to come back
        returns = answer.get("state") == "silent" and (not at or any(_is_own(env, one) for one in at.members))
        if returns:
            answer = ask("wait")
        elif at:
            answer = _joined(env, folder, at, ask)
        else:
            _may_start(node, planes)
            started = True
            answer = ask("start")
    # the one that starts a cluster is annotated by its next step, when the API is less busy
    if not started or json.loads(env["FJORDKUBE_LABELS"]) or json.loads(env["FJORDKUBE_TAINTS"]):
        kubeconfig = base64.b64decode(answer["kubeconfig"]).decode()
        api = Api(pointed_at(kubeconfig, env["FJORDKUBE_API"]), folder)
        _registered(api, node, float(env["FJORDKUBE_WAIT"]))
        _mark(api, env)
    return {"node": node, "state": "member"}


def _is_own(env: Mapping[str, str], member: control_planes.EtcdMember) -> bool:
    return member.is_of(env["FJORDKUBE_NODE"], env["FJORDKUBE_ADDRESS"])


def _may_start(node: str, planes: Sequence[control_planes.ControlPlane]) -> None:
    """HelperError unless every other control plane has been asked and has nothing of a cluster."""
    told = [f"{plane.name} is {_TOLD.get(plane.state, plane.state)}" for plane in planes if plane.state != "absent"]
    if told:
        raise HelperError(
            f"{node}: is no member, and the cluster does not answer: {', '.join(told)}; bring one of them back, or "
            "take what is lost for good out of the settings; a second cluster is not started beside the first"
        )


def _joined(env: Mapping[str, str], folder: Path, at: control_planes.ControlPlane, ask: Ask) -> dict[str, Any]:
    """A join, and where it stumbles one more: what it has left is taken away before."""
    try:
        return _join(env, folder, at, ask)
    except HelperError as error:
        # seen on starved machines: kubeadm gives etcd 2 s to list its members (app/util/etcd/etcd.go, v1.37)
        log(f"{error}; joining once more")
        again = control_planes.living(control_planes.beside(env, folder))
        if again is None:
            raise
        return _join(env, folder, again, ask)


def _join(env: Mapping[str, str], folder: Path, at: control_planes.ControlPlane, ask: Ask) -> dict[str, Any]:
    """Through a living control plane, which forgets what it knew of this node before."""
    node = env["FJORDKUBE_NODE"]
    api = at.api(folder)
    at.forget(node, env["FJORDKUBE_ADDRESS"])
    api.delete(f"/api/v1/nodes/{quote(node)}")
    key = secrets.token_hex(32)
    try:
        encryption = at.hand_over_keys(key)
        with bootstrap_token(api, node) as token:
            log(f"{node}: joining as a control plane")
            discovery = discovery_file(env["FJORDKUBE_ENDPOINT"], api.ca, token)
            return ask("join", DISCOVERY=discovery, CERTIFICATE_KEY=key, ENCRYPTION=encryption)
    finally:
        api.delete("/api/v1/namespaces/kube-system/secrets/kubeadm-certs")


def _registered(api: Api, node: str, wait: float) -> None:
    """Waits until the API knows the node; HelperError after `wait` seconds."""
    end = time.monotonic() + wait
    while not api.node_exists(node):
        if time.monotonic() > end:
            raise HelperError(f"{node}: joined, but not registered after {wait:.0f} s; ask 'journalctl -u kubelet'")
        time.sleep(1)


def _mark(api: Api, env: Mapping[str, str]) -> None:
    """Annotations, labels and taints of the node, at registration and at every later run."""
    labels, taints = json.loads(env["FJORDKUBE_LABELS"]), json.loads(env["FJORDKUBE_TAINTS"])
    labels_and_taints.reconcile(api, env["FJORDKUBE_NODE"], labels, taints, json.loads(env["FJORDKUBE_ANNOTATIONS"]))
