"""Bootstrap: how prepared hosts become one cluster, by kubeadm."""

from components.bootstrap.control_plane import ControlPlane, ControlPlaneArgs
from components.bootstrap.worker import Worker, WorkerArgs

__all__ = ["ControlPlane", "ControlPlaneArgs", "Worker", "WorkerArgs"]
