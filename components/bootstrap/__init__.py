"""Bootstrap: how prepared hosts become one cluster, by kubeadm."""

from fjordkube.bootstrap.addons import Addons
from fjordkube.bootstrap.control_plane import ControlPlane, ControlPlaneArgs
from fjordkube.bootstrap.kubeadm_cluster import KubeadmCluster
from fjordkube.bootstrap.secrets_encryption import SecretsEncryption
from fjordkube.bootstrap.worker import Worker, WorkerArgs

__all__ = ["Addons", "ControlPlane", "ControlPlaneArgs", "KubeadmCluster", "SecretsEncryption", "Worker", "WorkerArgs"]
