"""The bootstrap token's short life: minted when a node really joins, deleted when the join ends.

Owns the Secret and the kubeconfig that carries it. It is never on a command line, in Pulumi's state or in a log. Made
through the API and not by `kubeadm token create`: one request instead of a login and a kubeadm on the busiest node.
"""

from __future__ import annotations

import base64
import json
import secrets
import string
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..api import Api
from ..errors import HelperError
from ..log import log

MINUTES = 15
"""Should this program be killed, the token ends by itself after so many minutes; a join may outlive it."""

NODE_GROUP = "system:bootstrappers:kubeadm:default-node-token"
"""The group that kubeadm's RBAC lets fetch its configuration and ask for a kubelet's certificate."""

SECRETS = "/api/v1/namespaces/kube-system/secrets"


@contextmanager
def bootstrap_token(api: Api, node: str) -> Iterator[str]:
    """A token for one join; deleted on the way out, whatever happened."""
    alphabet = string.ascii_lowercase + string.digits
    identity = "".join(secrets.choice(alphabet) for _ in range(6))
    secret = "".join(secrets.choice(alphabet) for _ in range(16))
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + MINUTES * 60))
    name = f"bootstrap-token-{identity}"
    code, answer = api.request(
        "POST",
        SECRETS,
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
    if code not in (201, 409):  # 409: the first request was cut after it had done its work
        raise HelperError(f"the API refuses a bootstrap token ({code}): {answer.get('message', '')}")
    try:
        yield f"{identity}.{secret}"
    finally:
        try:
            api.delete(f"{SECRETS}/{name}")
        except (OSError, HelperError) as error:
            log(f"{node}: the bootstrap token could not be deleted and ends in {MINUTES} min: {error}")


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
