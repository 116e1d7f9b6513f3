"""Where bootstrap's files lie on a node; none of them holds a secret.

Owns the paths. Leaves /etc/kubernetes to kubeadm: `kubeadm reset` empties it.
"""

from __future__ import annotations

FOLDER = "/etc/fjordkube/kubeadm"
INIT = f"{FOLDER}/init.yaml"
JOIN = f"{FOLDER}/join.yaml"
PATCHES = f"{FOLDER}/patches"
DISCOVERY = "/run/fjordkube/discovery.conf"
"""A kubeconfig with a bootstrap token inside; /run is memory, and the file is gone when the join ends."""

ETCD_DATA = "/var/lib/etcd/data"
"""Below the mount point, not at it: kubeadm wants an empty folder, and ext4 puts lost+found at the top."""
