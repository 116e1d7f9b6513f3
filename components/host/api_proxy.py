"""The API's proxy on every node: what HAProxy is told, and what host.sh needs to run it.

The API's name leads to the node itself, and the proxy there to any control plane that answers: none is special, and one
that is lost leaves every node with an API. Connections pass as they are, so that clients check certificates end to end.
Why HAProxy: docs/adr/0008. Owns the text and the values. Leaves the unit to units.py, checking, starting and reloading
to scripts/host.sh, the program to the distribution's package. The text is valid from HAProxy 2.4 (Ubuntu 22.04) on.

- A lone control plane is not asked how it is: there is no other to choose, and each question is a TLS handshake.
- Of several, those that answer /readyz are chosen from. Where none does, connections go to all of them unasked: while
  the first one starts, or where all are too slow to answer in time, trying is better than refusing.
- On a control plane its own API gets nearly all. By weight: a server that is a `backup` is not tried again with when
  the first is dead and not found so yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from fjordkube.host import units
from fjordkube.settings import API_PORT, API_PROXY_ADDRESS, API_PROXY_PORT
from fjordkube.timing import ApiProxyTiming

if TYPE_CHECKING:
    from fjordkube.node import Node

FILES: Final = (units.API_PROXY_WANT, units.API_PROXY_PATH, units.API_PROXY_CONFIG, f"{units.API_PROXY_CONFIG}.unread")
"""What lies on a node, for its release."""

OWN_WEIGHT: Final = 250
"""Of 256, HAProxy's most; of others 1."""

HEAD: Final = """\
# Written by fjordkube: this node's way to the Kubernetes API (docs/architecture.md), for fjordkube-api-proxy.service.
global
    maxconn 4096
    nbthread 1
    # After a reload the old process keeps its connections, for so long at most: it asks nobody how they are any more.
    hard-stop-after 1h

defaults
    mode tcp
    # a round trip in Norway takes 20 ms; a lost SYN is sent again after 1 s
    timeout connect 2s
    # the kubelet ends idle streams (exec, logs, port-forward) after 4 h, HTTP/2 clients ping every 30 s
    timeout client 4h
    timeout server 4h
    timeout client-fin 30s
    timeout server-fin 30s
    retries 3
    option redispatch 1

frontend node
"""

HEALTH: Final = """\
backend ready
    balance random
    timeout check {answer}s
    option httpchk
    http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host {host}
    http-check expect status 200
    # the certificate is the clients' to check; a connection that fails is a reason to ask at once
    default-server check check-ssl verify none inter {every}s fastinter {doubted}s downinter {down}s fall 2 rise 1
    default-server observe layer4 error-limit 1 on-error fastinter on-marked-down shutdown-sessions
"""

UNANSWERED: Final = "30s"
"""How long bytes may stay without an acknowledgement by the other machine's kernel (TCP_USER_TIMEOUT): what ends
connections to a lone control plane that was lost."""


def configuration(node: Node, control_planes: Sequence[Node], api_host: str, timing: ApiProxyTiming) -> str:
    """haproxy.cfg of that node. `api_host`: the API's name, e.g. api.fjord.internal."""
    bind = f"    bind {API_PROXY_ADDRESS}:{API_PROXY_PORT}\n"
    servers = "".join(_servers(node, control_planes))
    everyone = f"backend everyone\n    balance random\n    default-server tcp-ut {UNANSWERED}\n{servers}"
    if len(control_planes) == 1:
        return f"{HEAD}{bind}    default_backend everyone\n\n{everyone}"
    ready = HEALTH.format(
        answer=timing.answer, host=api_host, every=timing.every, doubted=timing.doubted, down=timing.down
    )
    choice = "    use_backend ready if { nbsrv(ready) gt 0 }\n    default_backend everyone\n"
    return f"{HEAD}{bind}{choice}\n{ready}    default-server tcp-ut {UNANSWERED}\n{servers}\n{everyone}"


def _servers(node: Node, control_planes: Sequence[Node]) -> Iterator[str]:
    # by name: their order in the settings is no part of it
    for plane in sorted(control_planes, key=lambda plane: plane.name):
        weight = f" weight {OWN_WEIGHT}" if plane.name == node.name and len(control_planes) > 1 else ""
        yield f"    server {plane.name} {plane.address}:{API_PORT}{weight}\n"


def values(node: Node, control_planes: Sequence[Node], api_host: str, timing: ApiProxyTiming) -> dict[str, str]:
    """Assignments for host.sh."""
    return {
        "API_PROXY_CONFIG": configuration(node, control_planes, api_host, timing),
        "API_PROXY_PATH": units.API_PROXY_CONFIG,
        "API_PROXY_WANT": units.API_PROXY_WANT,
    }
