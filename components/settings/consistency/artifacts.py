"""Where software comes from, and the nodes that it is for."""

from __future__ import annotations

from collections.abc import Iterator

from fjordkube.settings.artifacts import AnyArtifacts, UpstreamArtifacts
from fjordkube.settings.consistency.finding import Finding
from fjordkube.settings.nodes import AnyNodes, LocalNodes


def of_cluster(artifacts: AnyArtifacts) -> Iterator[Finding]:
    """What holds whatever the nodes are."""
    if isinstance(artifacts, UpstreamArtifacts) and artifacts.install and artifacts.origin == "built":
        fields = (("artifacts", "origin"), ("artifacts", "source"), ("artifacts", "install"))
        state = "built is what this project builds, and artifacts.source upstream publishes none of it"
        yield Finding(fields, state, "use source bundle, or install: false for nodes that carry it")


def of_nodes(said: bool, nodes: AnyNodes) -> Iterator[Finding]:
    """What holds between artifacts and nodes. `said`: whether the file has a section artifacts."""
    if said and isinstance(nodes, LocalNodes):
        state = "is said, and machines of nodes.source local carry their software on their disk"
        yield Finding((("artifacts",), ("nodes", "source")), state, "remove the section")
