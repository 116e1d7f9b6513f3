"""Where software comes from, and the nodes that it is for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fjordkube import versions
from fjordkube.settings.artifacts import Artifacts, UpstreamArtifacts
from fjordkube.settings.consistency.finding import Finding, Path
from fjordkube.settings.nodes import AnyNodes, LocalNodes


def of_cluster(artifacts: Artifacts, chosen: Mapping[str, str | None]) -> Iterator[Finding]:
    """What holds whatever the nodes are. `chosen`: versions by the section that has them."""
    if artifacts.origin == "built":
        yield from _are_built(chosen, ("artifacts", "origin"), "artifacts.origin built is", "or origin upstream")
    if isinstance(artifacts, UpstreamArtifacts) and artifacts.install and artifacts.origin == "built":
        fields = (("artifacts", "origin"), ("artifacts", "source"), ("artifacts", "install"))
        state = "built is what this project builds, and artifacts.source upstream publishes none of it"
        yield Finding(fields, state, "use source bundle, or install: false for nodes that carry it")


def of_nodes(said: bool, nodes: AnyNodes, chosen: Mapping[str, str | None]) -> Iterator[Finding]:
    """What holds between artifacts and nodes. `said`: whether the file has a section artifacts."""
    if isinstance(nodes, LocalNodes):
        yield from _are_built(chosen, ("nodes", "source"), "machines of nodes.source local carry", "or another source")
    if said and isinstance(nodes, LocalNodes):
        state = "is said, and machines of nodes.source local carry their software on their disk"
        yield Finding((("artifacts",), ("nodes", "source")), state, "remove the section")


def _are_built(chosen: Mapping[str, str | None], because: Path, whose: str, other: str) -> Iterator[Finding]:
    for section, built in versions.BUILT.items():
        if chosen[section] not in (None, built):
            state = f"{chosen[section]} is upstream's alone, and {whose} what this project builds"
            yield Finding(((section, "version"), because), state, f"use {built}, {other}")
