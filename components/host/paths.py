"""Where things lie on a node that more than host preparation knows: bootstrap, gates, the release of a machine.

Owns the paths. Leaves /etc/kubernetes to kubeadm: `kubeadm reset` empties it.
"""

from __future__ import annotations

ETCD_MOUNT = "/var/lib/etcd"
"""Where etcd's own disk is mounted."""

ETCD_DATA = f"{ETCD_MOUNT}/data"
"""Below the mount point, not at it: kubeadm wants an empty folder, and ext4 puts lost+found at the top."""

KUBEADM = "/etc/fjordkube/kubeadm"
"""Folder of the files that kubeadm is given; none of them holds a secret."""

AUDIT_LOGS = "/var/log/kubernetes"
"""Where API servers write who changed what, if they are told to."""

ARTIFACTS_RECORD = "/etc/fjordkube/artifacts"
"""Folder of what was added to the machine: the names of its packages."""

ARTIFACTS_INCOMING = "/var/lib/fjordkube/incoming"
"""What is on its way to the machine, by checksum; what a cut transfer left there is gone on with."""
