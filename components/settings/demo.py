"""The demo behind the ingress, which the gates ask for a page."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from fjordkube.settings.base import Settings
from fjordkube.settings.types import Flag, Hostname, Whole


class Demo(Settings):
    """A small web application with a Service and an Ingress."""

    enabled: Flag = True
    """Whether to install it, e.g. true. Without it the ingress gate has nothing to ask."""
    host: Hostname = "demo.fjord.internal"
    """Host name it answers to, e.g. demo.fjord.internal."""
    replicas: Annotated[Whole, Field(ge=1, le=100)] = 2
    """Number of its pods, e.g. 2; spread over the workers."""
