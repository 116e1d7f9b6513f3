"""The front door: its ports, its image, what nginx asks of its own numbers, the demo behind it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fjordkube.settings.consistency.finding import Finding, Path
from fjordkube.settings.demo import Demo
from fjordkube.settings.ingress import IngressNginx
from fjordkube.settings.nginx_config import NginxConfig
from fjordkube.settings.nodes import AnyNodes
from fjordkube.settings.types import size_bytes

NODE_PORTS: Final = range(30000, 32768)
"""Kubernetes's default NodePort range."""

TAKEN_PORTS: Final = {
    22: "SSH",
    179: "BGP (Calico)",
    6444: "the node's proxy of the Kubernetes API",
    8181: "ingress-nginx's default backend",
    8443: "ingress-nginx's admission webhook",
    9099: "Calico's health check",
    10245: "ingress-nginx's profiler",
    10246: "nginx's status",
    10247: "nginx's stream status",
    10248: "kubelet's health check",
    10249: "kube-proxy's metrics",
    10250: "kubelet",
    10254: "ingress-nginx's health check and metrics",
    10256: "kube-proxy's health check",
}
"""TCP ports that something else on a worker listens on."""

LEAST_CONNECTIONS: Final = 1024
"""Of one worker: nginx refuses fewer than its listening sockets and one more, of which the controller makes some for
each worker (nginx, src/event/ngx_event.c)."""

_DEFAULT_BUFFER: Final = "4k"
"""The controller's proxy-buffer-size (ingress-nginx, internal/ingress/controller/config/config.go)."""


def of_cluster(ingress: IngressNginx, demo: Demo, api_host: str) -> Iterator[Finding]:
    """What holds whatever the nodes are."""
    yield from _ports_are_free(ingress)
    yield from _image_is_pinned(ingress)
    if ingress.image and ingress.version:
        state = f"{ingress.version} is given beside ingress.image, which is of a version of its own"
        yield Finding((("ingress", "version"), ("ingress", "image")), state, "remove one of the two")
    yield from _workers_may_open_their_connections(ingress.config)
    yield from _temporary_file_holds_a_buffer(ingress.config)
    if demo.enabled and demo.host == api_host:
        fields: tuple[Path, ...] = (("demo", "host"), ("cluster", "domain"), ("demo", "enabled"))
        state = f"{demo.host} is the Kubernetes API's name"
        yield Finding(fields, state, "use another, e.g. demo.fjord.internal")


def of_nodes(ingress: IngressNginx, nodes: AnyNodes) -> Iterator[Finding]:
    """What holds between the front door and nodes."""
    balancer = next((name for name in ("load_balancer", "octavia") if getattr(nodes, name, False)), None)
    if balancer and ingress.config.use_proxy_protocol:
        state = f"true expects a PROXY header, which the load balancer of nodes.{balancer} does not send"
        fix = "remove it, or put a balancer of your own in front"
        yield Finding((_key("use-proxy-protocol"), ("nodes", balancer)), state, fix)


def _key(name: str) -> Path:
    return ("ingress", "config", name)


def _ports_are_free(ingress: IngressNginx) -> Iterator[Finding]:
    http: Path = ("ingress", "http_port")
    https: Path = ("ingress", "https_port")
    if ingress.http_port == ingress.https_port:
        state = f"{ingress.https_port} is also ingress.http_port"
        yield Finding((https, http), state, "use two ports, e.g. 80 and 443")
    for field, port in ((http, ingress.http_port), (https, ingress.https_port)):
        if port in TAKEN_PORTS:
            yield Finding((field,), f"{port} is taken on every node by {TAKEN_PORTS[port]}", "use another port")
        elif port in NODE_PORTS:
            state = f"{port} lies in the NodePort range {NODE_PORTS[0]} to {NODE_PORTS[-1]}"
            yield Finding((field,), state, "use a port outside it")


def _image_is_pinned(ingress: IngressNginx) -> Iterator[Finding]:
    image, digest = ingress.image, ingress.digest
    image_field: Path = ("ingress", "image")
    digest_field: Path = ("ingress", "digest")
    if digest and not image:
        state = "is given without ingress.image, and the bundle's image is pinned already"
        yield Finding((digest_field, image_field), state, "add the image, or remove the digest")
    elif image and not digest and ":" not in image.rsplit("/", 1)[-1]:
        state = "has neither a tag nor a digest, so it could change unseen"
        yield Finding((image_field, digest_field), state, "add a tag, or better ingress.digest")


def _workers_may_open_their_connections(config: NginxConfig) -> Iterator[Finding]:
    files, connections = config.max_worker_open_files, config.max_worker_connections
    fields = (_key("max-worker-open-files"), _key("max-worker-connections"))
    if not files:
        return
    if files < connections:
        state = f"{files} open files are fewer than max-worker-connections {connections}, each of which is one"
        yield Finding(fields, state, f"use {2 * connections} (a client and an upstream each), or remove it")
    # ingress-nginx, internal/ingress/controller/nginx.go
    elif not connections and files * 3 // 4 < LEAST_CONNECTIONS:
        state = f"{files} open files leave {files * 3 // 4} connections, three quarters, where nginx needs its sockets"
        yield Finding(fields, state, f"use {2 * LEAST_CONNECTIONS} or more, or remove it")


def _temporary_file_holds_a_buffer(config: NginxConfig) -> Iterator[Finding]:
    # nginx, src/http/modules/ngx_http_proxy_module.c, ngx_http_proxy_merge_loc_conf; the controller makes all of a
    # location's buffers of one size (ingress-nginx, rootfs/etc/nginx/template/nginx.tmpl)
    file, buffer = config.proxy_max_temp_file_size, config.proxy_buffer_size or _DEFAULT_BUFFER
    if file and 0 < size_bytes(file) < size_bytes(buffer):
        fields = (_key("proxy-max-temp-file-size"), _key("proxy-buffer-size"))
        state = f"{file} is smaller than proxy-buffer-size {buffer}, and nginx refuses that"
        yield Finding(fields, state, f"use 0 for no file, or {buffer} or more")
