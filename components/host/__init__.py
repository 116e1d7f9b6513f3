"""Host preparation: what turns a bare machine into one that kubeadm accepts."""

from fjordkube.host.firewall import guards_itself
from fjordkube.host.host import Host
from fjordkube.host.preparation import HostArgs

__all__ = ["Host", "HostArgs", "guards_itself"]
