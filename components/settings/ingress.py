"""The front door. Today: ingress-nginx; its successor joins as a variant told apart by `controller`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from fjordkube.settings.base import Settings, with_default_tag
from fjordkube.settings.nginx_config import NginxConfig
from fjordkube.settings.types import Digest, Flag, Image, IngressNginxVersion, Port


class IngressNginx(Settings):
    """ingress-nginx as a DaemonSet on host ports."""

    controller: Literal["nginx"] = "nginx"
    """Which ingress controller: nginx."""
    version: IngressNginxVersion | None = None
    """ingress-nginx version of the project's own images, e.g. v1.15.1. None: v1.11.8 of upstream's, v1.11.0 of those
    built here."""
    image: Image | None = None
    """Controller image with tag in place of the version's, e.g. registry.example.no/ingress-nginx/controller:v1.15.10.
    Upstream was archived in March 2026; a maintained fork's build goes here."""
    digest: Digest | None = None
    """Digest that pins `image`, e.g. sha256: and 64 hexadecimal digits."""
    http_port: Port = 80
    """Port of every worker that takes HTTP, e.g. 80."""
    https_port: Port = 443
    """Port of every worker that takes HTTPS, e.g. 443."""
    config: NginxConfig = Field(default_factory=NginxConfig)
    """nginx's tuning by ConfigMap key, e.g. {keep-alive: 65}."""
    metrics: Flag = True
    """Prometheus metrics on port 10254 (what replaced the VTS status page), e.g. true."""


# One controller today; see nodes.py for how a second one joins.
Ingress = Annotated[IngressNginx, BeforeValidator(with_default_tag("controller", "nginx"))]
"""Ingress controllers, told apart by `controller`."""
