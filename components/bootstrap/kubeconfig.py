"""Points a kubeconfig at where its user reaches the API.

Owns taking it out of what a script printed. Leaves the edit to helpers/kubeconfig.py.
"""

from __future__ import annotations

from fjordkube.helpers.kubeconfig import pointed_at

MARK = "# fjordkube: kubeconfig\n"
"""What scripts/addons.sh prints before it: a login shell's .bashrc may have printed first."""


def reachable(printed: str, endpoint: str) -> str:
    """The kubeconfig that a script on the node printed, with its server at https://`endpoint` (Node.api_endpoint)."""
    return pointed_at(printed.rpartition(MARK)[2], endpoint)
