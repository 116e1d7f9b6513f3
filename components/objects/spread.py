"""Replicas over nodes, from the first one on.

Pods are placed as soon as one node is ready, and a new cluster's nodes get ready a minute apart: whoever only prefers
to be spread has all replicas on the first of them by then, and nothing moves them later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def spread(labels: Mapping[str, str], nodes: int) -> dict[str, Any]:
    """The constraint of a pod spec: replicas with these labels wait for a node of their own until there are `nodes`.

    Nodes that the pod does not tolerate, those that are not ready yet among them, count as not there.
    """
    return {
        "maxSkew": 1,
        "minDomains": nodes,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "nodeTaintsPolicy": "Honor",
        "labelSelector": {"matchLabels": dict(labels)},
        # a rollout spreads its own pods: those that it replaces are gone in the end
        "matchLabelKeys": ["pod-template-hash"],
    }
