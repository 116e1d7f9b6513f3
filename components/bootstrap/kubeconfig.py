"""Points a kubeconfig at where its user reaches the API.

Owns that one edit. Leaves the credentials inside as kubeadm wrote them.
"""

from __future__ import annotations

import re

_SERVER = re.compile(r"^([ \t]*server:[ \t]*)\S+[ \t]*$", re.MULTILINE)


def reachable(kubeconfig: str, address: str, port: int) -> str:
    """`kubeconfig` with its server at https://`address`:`port`; both are in the API's certificate."""
    host = f"[{address}]" if ":" in address else address
    return _SERVER.sub(rf"\g<1>https://{host}:{port}", kubeconfig)
