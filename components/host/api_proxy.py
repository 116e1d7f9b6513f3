"""A node's own way to the cluster's API: HAProxy on loopback, in front of every control plane.

Owns its configuration and unit. Leaves laying them down, starting and reloading to scripts/host.sh. TLS passes through
unopened: clients check the API's certificate themselves. Why a proxy on each node: docs/adr/0008.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from fjordkube.settings import API_PORT, API_PROXY_PORT

if TYPE_CHECKING:
    from fjordkube.node import Node

PATH: Final = "/etc/fjordkube/api-proxy.cfg"
UNIT_PATH: Final = "/etc/systemd/system/fjordkube-api-proxy.service"

CONNECT_SECONDS: Final = 2
"""Until a control plane that does not answer is given up for another; a private network's round trip is below 1 ms."""
CHECK_SECONDS: Final = 5
"""Between two looks at a control plane: each is a TLS handshake, some 10 ms of an emulated processor. After a failure,
and while it is down, one a second: kubeadm's first requests come as soon as the API answers."""
IDLE: Final = "1h"
"""Watches may be silent until the API server ends them, after 30 to 60 min (kube-apiserver's --min-request-timeout is
1800 s, drawn up to twice that)."""
STOP: Final = "10m"
"""After a reload, the process of before serves open connections for so long at most."""


def configuration(node: Node, control_planes: Sequence[Node]) -> str:
    """The text for HAProxy 2.4 (Ubuntu 22.04) and newer. On a control plane its own API comes first."""
    servers = "".join(
        f"    server {plane.name} {plane.address}:{API_PORT}{_rank(node, plane)}\n"
        for plane in sorted(control_planes, key=lambda plane: plane.name)
    )
    return f"""\
# Written by fjordkube: this node's way to the API of any control plane.
global
    log stderr format raw local0 warning
    hard-stop-after {STOP}
    spread-checks 20

defaults
    mode tcp
    log global
    option redispatch
    retries 3
    timeout connect {CONNECT_SECONDS}s
    timeout check {CONNECT_SECONDS}s
    timeout client {IDLE}
    timeout server {IDLE}

frontend api
    bind 127.0.0.1:{API_PROXY_PORT}
    default_backend control-planes

backend control-planes
    balance leastconn
    option httpchk GET /readyz
    http-check expect status 200
    default-server check check-ssl verify none inter {CHECK_SECONDS}s fastinter 1s downinter 1s fall 2 rise 1 \
on-marked-down shutdown-sessions
{servers}"""


def _rank(node: Node, plane: Node) -> str:
    return " backup" if node.role == "control-plane" and plane.name != node.name else ""


def unit() -> str:
    """Of our own: the distribution's haproxy.service may serve somebody else on this host."""
    return f"""\
[Unit]
Description=Way to the Kubernetes API from this node
After=network.target
Before=kubelet.service
StartLimitIntervalSec=0

[Service]
Type=notify
User=haproxy
ExecStart=/usr/sbin/haproxy -Ws -f {PATH}
ExecReload=/usr/sbin/haproxy -c -q -f {PATH}
ExecReload=/bin/kill -USR2 $MAINPID
KillMode=mixed
Restart=always
RestartSec=1
OOMScoreAdjust=-900
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes

[Install]
WantedBy=multi-user.target
"""
