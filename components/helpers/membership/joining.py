"""Makes a machine a member of the cluster, or finds that it is one.

Owns the order of the talk between API and node. Leaves what happens on the node to scripts/join.sh and member.sh, the
token to bootstrap_token.py, labels and taints to labels_and_taints.py.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .. import ssh
from ..api import Api
from ..errors import HelperError
from ..log import log
from . import labels_and_taints
from .bootstrap_token import bootstrap_token, discovery_file


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
        end = time.monotonic() + wait
        while not api.node_exists(node):
            if time.monotonic() > end:
                raise HelperError(f"{node}: joined, but not registered after {wait:.0f} s; ask 'journalctl -u kubelet'")
            time.sleep(1)
    _mark(api, env)
    log(f"{node}: joined")
    return {"node": node, "state": "member"}


def member(env: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """A control plane beside a living one. One at a time: etcd admits members singly (the resources see to the order).

    Not seen on real machines yet: tests run it against an API and an ssh of their own.
    """
    node, script = env["FJORDKUBE_NODE"], env["FJORDKUBE_SCRIPT"]
    api = Api(env["FJORDKUBE_KUBECONFIG"], folder)
    command = ssh.Access.from_environment(node, env).command(folder)
    if ssh.run(command, script, {"DISCOVERY": "", "CERTIFICATE_KEY": ""}, node).get("state") == "member":
        _mark(api, env)
        return {"node": node, "state": "member"}
    api.delete(f"/api/v1/nodes/{quote(node)}")  # of a machine that had this name before, if any
    key = secrets.token_hex(32)
    try:
        log(f"{node}: a living control plane hands over the cluster's keys, encrypted")
        peer = ssh.Access.from_environment("living_peer", env, end="PEER").command(folder)
        ssh.run(peer, env["FJORDKUBE_CERTIFICATES_SCRIPT"], {"CERTIFICATE_KEY": key}, "the living one")
        with bootstrap_token(api, node) as token:
            brought = {"DISCOVERY": discovery_file(env["FJORDKUBE_ENDPOINT"], api.ca, token), "CERTIFICATE_KEY": key}
            log(f"{node}: joining as a control plane")
            ssh.run(command, script, brought, node)
        _mark(api, env)
    finally:
        api.delete("/api/v1/namespaces/kube-system/secrets/kubeadm-certs")
    return {"node": node, "state": "member"}


def _mark(api: Api, env: Mapping[str, str]) -> None:
    """Annotations, labels and taints of the node, at registration and at every later run."""
    labels, taints = json.loads(env["FJORDKUBE_LABELS"]), json.loads(env["FJORDKUBE_TAINTS"])
    labels_and_taints.reconcile(api, env["FJORDKUBE_NODE"], labels, taints, json.loads(env["FJORDKUBE_ANNOTATIONS"]))
