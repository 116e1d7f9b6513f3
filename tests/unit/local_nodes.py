"""Settings of local machines, for tests of what stands on them."""

from __future__ import annotations

from typing import Any

from fjordkube.settings import LocalNodes, load


def local_nodes(**nodes: Any) -> LocalNodes:
    """`nodes` of a stack, which must be of source local."""
    loaded = load({"nodes": nodes}).nodes
    assert isinstance(loaded, LocalNodes)
    return loaded
