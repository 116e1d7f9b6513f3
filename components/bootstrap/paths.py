"""Where kubeadm's files and those of the API server lie on a node; of those named here, one holds a secret.

Owns the names below the folder. Leaves the folder, and etcd's, to host/paths.py.
"""

from __future__ import annotations

from fjordkube.host.paths import KUBEADM

INIT = f"{KUBEADM}/init.yaml"
JOIN = f"{KUBEADM}/join.yaml"
PATCHES = f"{KUBEADM}/patches"
DISCOVERY = "/run/fjordkube/discovery.conf"
"""A kubeconfig with a bootstrap token inside; /run is memory, and the file is gone when the join ends."""

POLICIES = f"{KUBEADM}/policies"
"""Folder of what the API server is told besides its arguments."""
AUDIT_POLICY = f"{POLICIES}/audit.yaml"
ADMISSION = f"{POLICIES}/admission.yaml"
AUTHENTICATION = f"{POLICIES}/authentication.yaml"

SECRETS_ENCRYPTION = "/etc/kubernetes/pki/secrets-encryption.yaml"
"""The keys of Secrets in etcd: among the cluster's keys, which kubeadm shows the API server and a reset deletes."""
