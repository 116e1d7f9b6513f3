"""Host preparation: what turns a bare machine into one that kubeadm accepts."""

from fjordkube.host.host import Host, HostArgs

__all__ = ["Host", "HostArgs"]
