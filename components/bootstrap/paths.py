"""Where kubeadm's files lie on a node; none of them holds a secret.

Owns the names below the folder. Leaves the folder, and etcd's, to host/paths.py.
"""

from __future__ import annotations

from fjordkube.host.paths import KUBEADM

INIT = f"{KUBEADM}/init.yaml"
JOIN = f"{KUBEADM}/join.yaml"
PATCHES = f"{KUBEADM}/patches"
DISCOVERY = "/run/fjordkube/discovery.conf"
"""A kubeconfig with a bootstrap token inside; /run is memory, and the file is gone when the join ends."""
