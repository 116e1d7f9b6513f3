"""nginx keys that are refused with more than "unknown": retired ones, nginx's directive names, and raw text.

Owns what to write today in place of each. Leaves the valid keys to `nginx_config.py`.
Sources: ingress-nginx's changelog for removals, its `config.go` for today's names.
"""

from __future__ import annotations

from typing import Final

_METRICS: Final = ("is retired with the VTS module", "use ingress.metrics: true (Prometheus metrics, on by default)")
_TRACING: Final = ("is retired (v1.10 removed OpenTracing)", "remove it; tracing is not offered here yet")
_RATE: Final = ("is retired (v1.12 removed it)", "limit with nginx.ingress.kubernetes.io/limit-rps on the Ingress")
_SNIPPET: Final = ("takes raw nginx text, which is not accepted", "use the typed keys, or ask for one that is missing")

RETIRED: Final[dict[str, tuple[str, str]]] = {
    "worker-connections": ("is not a key of ingress-nginx", "use max-worker-connections"),
    "use-geoip": ("is retired with GeoIP databases of version 1", "use use-geoip2, or remove it: it is off by default"),
    "enable-vts-status": _METRICS,
    "vts-status-zone-size": _METRICS,
    "vts-default-filter-key": _METRICS,
    "vts-sum-key": _METRICS,
    "http2-max-field-size": ("is retired (nginx 1.19.7 ignores it)", "use large-client-header-buffers"),
    "http2-max-header-size": ("is retired (nginx 1.19.7 ignores it)", "use large-client-header-buffers"),
    "http2-max-requests": ("is retired (nginx 1.19.7 ignores it)", "use keep-alive-requests"),
    "upstream-max-fails": ("is retired (pods are balanced in Lua)", "use readiness probes on the pods"),
    "upstream-fail-timeout": ("is retired (pods are balanced in Lua)", "use readiness probes on the pods"),
    "enable-dynamic-tls-records": ("is retired", "use ssl-buffer-size"),
    "enable-sticky-sessions": ("is retired", "use nginx.ingress.kubernetes.io/affinity: cookie on the Ingress"),
    # nginx's directives, which people know better than the controller's keys
    "keepalive-timeout": ("is nginx's directive, not the controller's key", "use keep-alive"),
    "keepalive-requests": ("is nginx's directive, not the controller's key", "use keep-alive-requests"),
    "client-max-body-size": ("is nginx's directive, not the controller's key", "use proxy-body-size"),
    "worker-rlimit-nofile": ("is nginx's directive, not the controller's key", "use max-worker-open-files"),
    "underscores-in-headers": ("is nginx's directive, not the controller's key", "use enable-underscores-in-headers"),
    "multi-accept": ("is nginx's directive, not the controller's key", "use enable-multi-accept"),
    "keepalive": ("is nginx's directive, not the controller's key", "use upstream-keepalive-connections"),
    "gzip": ("is nginx's directive, not the controller's key", "use use-gzip"),
}
"""State and fix by retired or mistaken key."""

_FAMILIES: Final = {
    "zipkin-": _TRACING,
    "jaeger-": _TRACING,
    "datadog-": _TRACING,
    "opentracing-": _TRACING,
    "enable-opentracing": _TRACING,
    "global-rate-limit-": _RATE,
}


def retired(key: str) -> tuple[str, str] | None:
    """(state, fix) of a key that was valid once, or is nginx's own name, or takes raw text; None for any other."""
    name = key.replace("_", "-").lower()
    if name.endswith("-snippet"):
        return _SNIPPET
    for start, answer in _FAMILIES.items():
        if name.startswith(start):
            return answer
    return RETIRED.get(name)
