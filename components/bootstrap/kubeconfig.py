"""Points a kubeconfig at where its user reaches the API.

Owns that one edit. Leaves the credentials inside as kubeadm wrote them.
"""

from __future__ import annotations

import re

MARK = "# fjordkube: kubeconfig\n"
"""What scripts/member.sh and addons.sh print before it: a login shell's .bashrc may have printed first."""

_SERVER = re.compile(r"^([ \t]*server:[ \t]*)\S+[ \t]*$", re.MULTILINE)


def reachable(kubeconfig: str, address: str, port: int) -> str:
    """`kubeconfig`, as a script on the node printed it, with its server at https://`address`:`port`; both are in the
    API's certificate."""
    kubeconfig = kubeconfig.rpartition(MARK)[2]
    host = f"[{address}]" if ":" in address else address
    return _SERVER.sub(rf"\g<1>https://{host}:{port}", kubeconfig)
