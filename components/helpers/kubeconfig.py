"""A kubeconfig that reaches its API from where it is used. Owns that edit; credentials stay as kubeadm wrote them."""

from __future__ import annotations

import re

_SERVER = re.compile(r"^([ \t]*server:[ \t]*)\S+[ \t]*$", re.MULTILINE)


def pointed_at(kubeconfig: str, endpoint: str) -> str:
    """`kubeconfig` with its server at https://`endpoint`, e.g. 203.0.113.7:6443, which is in the API's certificate."""
    return _SERVER.sub(rf"\g<1>https://{endpoint}", kubeconfig)
