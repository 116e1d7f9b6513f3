"""Ports of the ingress controller that are not its clients'."""

from __future__ import annotations

from typing import Final

WEBHOOK_PORT: Final = 8443
"""Where API servers ask the admission webhook (the controller's default)."""

HEALTH_PORT: Final = 10254
"""Health checks and metrics (the controller's default)."""
