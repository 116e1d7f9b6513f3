#!/usr/bin/env python3
"""Brings a node into the cluster, or takes it out: the one step that needs API and node at once.

Run on the Pulumi host by local commands (worker.py, control_plane.py): `relay.py join` for a worker, `relay.py member`
for a control plane beside a living one, `relay.py remove` for either. Standard library only, because it runs outside
the program's environment. Owns the bootstrap token's short life: minted when a node really
joins, handed over SSH's standard input into the node's memory, deleted when the join ends; it is never on a command
line, in Pulumi's state or in a log. Leaves what happens on the node to scripts/join.sh and scripts/reset.sh.

The token is made through the API and not by `kubeadm token create`: one request instead of an SSH login and a kubeadm
on the busiest node. Inputs come by environment (names below); progress goes to stderr, one JSON line to stdout.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import secrets
import shlex
import signal
import ssl
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

Environment = Mapping[str, str]

TOKEN_MINUTES = 15
"""Should this program be killed, the token ends by itself after so many minutes; a join may outlive it."""

NODE_GROUP = "system:bootstrappers:kubeadm:default-node-token"
"""The group that kubeadm's RBAC lets fetch its configuration and ask for a kubelet's certificate."""

SSH_ATTEMPTS = 5
"""A cut connection is tried again: the script on the node finds what the first attempt did."""


class RelayError(Exception):
    """What stops a join, in words for the user."""


def log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Api:
    """A few requests to the API server with the administrator's certificate."""

    def __init__(self, kubeconfig: str, folder: Path, timeout: float = 60) -> None:
        def value(key: str) -> str:
            found = re.search(rf"^[ \t]*{key}:[ \t]*(\S+)[ \t]*$", kubeconfig, re.MULTILINE)
            if not found:
                raise RelayError(f"the kubeconfig has no {key}")
            return found[1]

        def decoded(key: str) -> str:
            return base64.b64decode(value(key)).decode()

        server = urlsplit(value("server"))
        self.host, self.port = server.hostname or "", server.port or 443
        self.ca = decoded("certificate-authority-data")
        self.timeout = timeout
        self.context = ssl.create_default_context(cadata=self.ca)
        identity = folder / "identity.pem"  # ssl reads a client's key from a file only; the folder is 0700 and ours
        identity.touch(mode=0o600)
        identity.write_text(decoded("client-certificate-data") + "\n" + decoded("client-key-data"))
        self.context.load_cert_chain(identity)
        identity.unlink()

    def request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, attempts: int = 5
    ) -> tuple[int, dict[str, Any]]:
        """Status code and decoded answer; OSError when the API could not be reached `attempts` times."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"Content-Type": kind, "Accept": "application/json"}
        for attempt in range(1, attempts + 1):
            connection = http.client.HTTPSConnection(self.host, self.port, timeout=self.timeout, context=self.context)
            try:
                text = json.dumps(body) if body is not None else None
                connection.request(method, path, body=text, headers=headers)
                response = connection.getresponse()
                content = response.read()
                if response.status in (429, 500, 503, 504) and attempt < attempts:
                    time.sleep(2)
                    continue
                return response.status, _object(content)
            except (OSError, http.client.HTTPException) as error:
                if attempt == attempts:
                    raise OSError(f"the API at {self.host}:{self.port} does not answer: {error}") from error
                time.sleep(2)
            finally:
                connection.close()
        raise AssertionError("unreachable")

    def node_exists(self, name: str) -> bool:
        code, _ = self.request("GET", f"/api/v1/nodes/{quote(name)}")
        if code not in (200, 404):
            raise RelayError(f"the API answers {code} when asked for node {name}")
        return code == 200

    def delete(self, path: str) -> None:
        code, _ = self.request("DELETE", path)
        if code not in (200, 202, 404):
            raise RelayError(f"the API answers {code} to the deletion of {path}")


def _object(content: bytes) -> dict[str, Any]:
    try:
        decoded = json.loads(content)
    except ValueError:
        return {}
    return decoded if isinstance(decoded, dict) else {}


@contextmanager
def bootstrap_token(api: Api, node: str) -> Iterator[str]:
    """A token for one join; deleted on the way out, whatever happened."""
    alphabet = string.ascii_lowercase + string.digits
    identity = "".join(secrets.choice(alphabet) for _ in range(6))
    secret = "".join(secrets.choice(alphabet) for _ in range(16))
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + TOKEN_MINUTES * 60))
    name = f"bootstrap-token-{identity}"
    code, answer = api.request(
        "POST",
        "/api/v1/namespaces/kube-system/secrets",
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": "kube-system"},
            "type": "bootstrap.kubernetes.io/token",
            "stringData": {
                "token-id": identity,
                "token-secret": secret,
                "description": f"fjordkube: node {node} joins",
                "expiration": end,
                "usage-bootstrap-authentication": "true",
                "auth-extra-groups": NODE_GROUP,
            },
        },
    )
    if code != 201:
        raise RelayError(f"the API refuses a bootstrap token ({code}): {answer.get('message', '')}")
    try:
        yield f"{identity}.{secret}"
    finally:
        try:
            api.delete(f"/api/v1/namespaces/kube-system/secrets/{name}")
        except (OSError, RelayError) as error:
            log(f"{node}: the bootstrap token could not be deleted and ends in {TOKEN_MINUTES} min: {error}")


def discovery_file(endpoint: str, ca: str, token: str) -> str:
    """The kubeconfig for kubeadm's file discovery; JSON, which is YAML."""
    cluster = {
        "server": f"https://{endpoint}",
        "certificate-authority-data": base64.b64encode(ca.encode()).decode(),
    }
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "cluster", "cluster": cluster}],
            "users": [{"name": "join", "user": {"token": token}}],
            "contexts": [{"name": "join", "context": {"cluster": "cluster", "user": "join"}}],
            "current-context": "join",
        }
    )


def ssh_command(env: Environment, folder: Path, connect_timeout: int = 30, end: str = "SSH") -> list[str]:
    """ssh with the pinned host key; key and known_hosts are files in `folder` (0700).

    `end` names the variables: FJORDKUBE_SSH_HOST for the node itself, FJORDKUBE_PEER_HOST for a living control plane.
    """
    key, known = folder / f"{end}-key", folder / f"{end}-known_hosts"
    key.touch(mode=0o600)
    key.write_text(env[f"FJORDKUBE_{end}_KEY"].rstrip("\n") + "\n")
    known.write_text(f"node {env[f'FJORDKUBE_{end}_HOST_KEY']}\n")
    options = {
        "UserKnownHostsFile": str(known),
        "GlobalKnownHostsFile": "/dev/null",
        "HostKeyAlias": "node",
        "StrictHostKeyChecking": "yes",
        "IdentitiesOnly": "yes",
        "BatchMode": "yes",
        "LogLevel": "ERROR",
        "ConnectTimeout": str(connect_timeout),
        "ServerAliveInterval": "15",
        "ServerAliveCountMax": "20",
    }
    command = ["ssh", "-F", "/dev/null", "-i", str(key), "-p", env[f"FJORDKUBE_{end}_PORT"]]
    for name, value in options.items():
        command += ["-o", f"{name}={value}"]
    return [*command, f"{env[f'FJORDKUBE_{end}_USER']}@{env[f'FJORDKUBE_{end}_HOST']}", "exec bash -s"]


def remote_text(script: str, values: Mapping[str, str]) -> str:
    """`script` with `values` before it, as one function: bash has read all of it before any part can read stdin."""
    assignments = "\n".join(f"{name}={shlex.quote(value)}" for name, value in values.items())
    return f"fjordkube() {{\n{assignments}\n{script}\n}}\nfjordkube </dev/null\n"


def run_on_node(command: list[str], text: str, node: str, attempts: int = SSH_ATTEMPTS) -> dict[str, Any]:
    """The JSON line that the script printed; its log goes to our stderr as it comes."""
    for attempt in range(1, attempts + 1):
        done = subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode == 0:
            lines = done.stdout.strip().splitlines()
            return _object(lines[-1].encode()) if lines else {}
        if done.returncode != 255:  # 255 is ssh's own: no connection, or one that was cut
            raise RelayError(f"{node}: the script on the node failed; its words are above")
        log(f"{node}: no SSH connection (attempt {attempt} of {attempts})")
        if attempt < attempts:
            time.sleep(3)
    raise RelayError(f"{node}: not reachable by SSH: is the machine up, and is its host key the one it was made with?")


def join(env: Environment, folder: Path) -> dict[str, Any]:
    """Until the API knows the node; finds a finished join and leaves it alone."""
    node, wait = env["FJORDKUBE_NODE"], float(env["FJORDKUBE_WAIT"])
    api = Api(env["FJORDKUBE_KUBECONFIG"], folder)
    command = ssh_command(env, folder)
    known = {"CLUSTER_CA": api.ca.rstrip("\n"), "DISCOVERY": "", "REGISTERED": "no"}
    if api.node_exists(node):
        text = remote_text(env["FJORDKUBE_SCRIPT"], {**known, "REGISTERED": "yes"})
        if run_on_node(command, text, node).get("state") == "member":
            return {"node": node, "state": "member"}
        # its machine was made anew: kubeadm refuses a name that the API still believes to be ready
        log(f"{node}: the API knows a node of this name, the machine is not it: removing the old one")
        api.delete(f"/api/v1/nodes/{quote(node)}")
    with bootstrap_token(api, node) as token:
        discovery = discovery_file(env["FJORDKUBE_ENDPOINT"], api.ca, token)
        log(f"{node}: joining")
        run_on_node(command, remote_text(env["FJORDKUBE_SCRIPT"], {**known, "DISCOVERY": discovery}), node)
        end = time.monotonic() + wait
        while not api.node_exists(node):
            if time.monotonic() > end:
                raise RelayError(f"{node}: joined, but not registered after {wait:.0f} s; ask 'journalctl -u kubelet'")
            time.sleep(1)
    log(f"{node}: joined")
    return {"node": node, "state": "member"}


def member(env: Environment, folder: Path) -> dict[str, Any]:
    """A control plane beside a living one. One at a time: etcd admits members singly (the resources see to the order).

    Not seen on real machines yet: tests run it against an API and an ssh of their own.
    """
    node, script = env["FJORDKUBE_NODE"], env["FJORDKUBE_SCRIPT"]
    api = Api(env["FJORDKUBE_KUBECONFIG"], folder)
    command = ssh_command(env, folder)
    if (
        run_on_node(command, remote_text(script, {"DISCOVERY": "", "CERTIFICATE_KEY": ""}), node).get("state")
        == "member"
    ):
        return {"node": node, "state": "member"}
    api.delete(f"/api/v1/nodes/{quote(node)}")  # of a machine that had this name before, if any
    key = secrets.token_hex(32)
    try:
        log(f"{node}: a living control plane hands over the cluster's keys, encrypted")
        peer = ssh_command(env, folder, end="PEER")
        run_on_node(peer, remote_text(env["FJORDKUBE_CERTIFICATES_SCRIPT"], {"CERTIFICATE_KEY": key}), "the living one")
        with bootstrap_token(api, node) as token:
            brought = {"DISCOVERY": discovery_file(env["FJORDKUBE_ENDPOINT"], api.ca, token), "CERTIFICATE_KEY": key}
            log(f"{node}: joining as a control plane")
            run_on_node(command, remote_text(script, brought), node)
    finally:
        api.delete("/api/v1/namespaces/kube-system/secrets/kubeadm-certs")
    return {"node": node, "state": "member"}


def remove(env: Environment, folder: Path) -> dict[str, Any]:
    """Drain, forget, reset: each part bounded, none able to block a destroy (pulumi-command#104)."""
    node = env["FJORDKUBE_NODE"]
    try:
        api = Api(env["FJORDKUBE_KUBECONFIG"], folder, timeout=5)
        api.request("GET", "/readyz", attempts=1)
        api.timeout = 30
        drain(api, node, float(env["FJORDKUBE_DRAIN"]))
        api.delete(f"/api/v1/nodes/{quote(node)}")
        log(f"{node}: removed from the cluster")
    except (OSError, RelayError) as error:
        log(f"{node}: not removed from the cluster, going on: {error}")
    if env.get("FJORDKUBE_RESET_SCRIPT"):
        try:
            text = remote_text(env["FJORDKUBE_RESET_SCRIPT"], {})
            run_on_node(ssh_command(env, folder, connect_timeout=5), text, node, attempts=1)
        except (OSError, RelayError) as error:
            log(f"{node}: not reset, going on: {error}")
    return {"node": node, "state": "removed"}


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


def _stop(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def main(arguments: list[str], env: Environment) -> int:
    """0, or 1 with one line that says what to do."""
    actions = {"join": join, "member": member, "remove": remove}
    if len(arguments) != 1 or arguments[0] not in actions:
        print("usage: relay.py join|member|remove", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _stop)  # so that a cancelled run still deletes its token
    with tempfile.TemporaryDirectory(prefix="fjordkube-") as folder:
        try:
            print(json.dumps(actions[arguments[0]](env, Path(folder)), sort_keys=True))
        except (OSError, RelayError) as error:
            log(f"error: {error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
