"""Where a stack's nodes come from: one folder per source here, all with the same two functions in its `source.py`.

Owns the shape of a source and finding it by name. Leaves everything about machines to the sources: nothing after this
knows which one it was.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from fjordkube.errors import MachineError
from fjordkube.settings import API_PORT, AnyNodes

if TYPE_CHECKING:
    # commands ask sources for their checks, and Pulumi's SDK takes a second to load
    import pulumi

    from fjordkube.images import Images
    from fjordkube.node import Node
    from fjordkube.settings import Stack

N = TypeVar("N", bound=AnyNodes)


@dataclass(frozen=True)
class Machines:
    """What a source hands over."""

    nodes: Sequence[Node]
    """Control planes first, as the settings have them."""
    emulated: bool = False
    """Whether machines are emulated, which is slow: see components.timing."""
    load_balancer: pulumi.Output[str] | None = None
    """Name or address of the provider's load balancer in front of API and ingress; None: there is none."""


class Source(Protocol):
    """A module `components/nodes/<source>/source.py`."""

    def check(self, settings: Stack, stack: str, programs: bool = True, preview: bool = False) -> None:
        """Raises MachineError with all problems of this computer at once (files, commands, memory); touches nothing.

        `programs`: whether a missing program is a problem (it is none where it is installed next). `preview`: whether
        nothing will be entered, so that private keys may be elsewhere.
        """

    def provide(self, settings: Stack, images: Images, stack: str) -> Machines:
        """Registers the machines of stack `stack` (Pulumi resources) and returns them."""


def find(settings: Stack) -> Source:
    """The source that the settings name; MachineError where its SDK is not installed.

    Imported on demand: a provider's SDK takes long to load.
    """
    name = settings.nodes.source
    try:
        return cast(Source, importlib.import_module(f"{__package__}.{name}.source"))
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("pulumi_"):
            raise
        fix = f"install fjordkube[{name}], or in a checkout: pip install -r components/nodes/{name}/requirements.txt"
        raise MachineError(f"nodes.source: {name} needs the package {error.name}, which is missing; {fix}") from None


def nodes_of(settings: Stack, kind: type[N]) -> N:
    """The settings' nodes, which are of the source that was found by their name."""
    assert isinstance(settings.nodes, kind)
    return settings.nodes


def usual_ports(settings: Stack) -> dict[str, int]:
    """Port of a machine by use (ssh, api, http, https), where nobody forwards another one to it."""
    return {
        "ssh": 22,
        "api": API_PORT,
        "http": settings.ingress.http_port,
        "https": settings.ingress.https_port,
    }
