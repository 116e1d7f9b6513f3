"""containerd's and crictl's configuration (containerd 2.x, configuration version 3).

Owns the text. Leaves installing and restarting containerd to the image and scripts/host.sh.
"""

from __future__ import annotations

PATH = "/etc/containerd/config.toml"
CRICTL_PATH = "/etc/crictl.yaml"
REGISTRIES = "/etc/containerd/certs.d"
"""Mirrors and certificates by registry, each a folder with hosts.toml; what the host has of its own counts."""

SOCKET = "unix:///run/containerd/containerd.sock"

CRICTL_TIMEOUT = 300
"""Seconds; generous, because crictl is what one asks when a node is slow."""

DISABLED = (
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.zfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.blockfile",
    "io.containerd.snapshotter.v1.erofs",
    "io.containerd.tracing.processor.v1.otlp",
    "io.containerd.internal.v1.tracing",
    "io.containerd.nri.v1.nri",
)
"""Plugins nothing here uses: probing their file systems and loading them costs start time on every node."""


def containerd_config(sandbox_image: str) -> str:
    """config.toml: systemd cgroups, overlayfs, and `sandbox_image` pinned (e.g. "registry.k8s.io/pause:3.10.2").

    The sandbox image must be the one that is on the node: containerd would pull any other before the first pod.
    `bin_dirs` is containerd >= 2.1's name; `/opt/cni/bin` is where Calico's and the standard plugins lie.
    """
    disabled = "\n".join(f"  '{name}'," for name in DISABLED)
    return f"""# Written by fjordkube.
version = 3
disabled_plugins = [
{disabled}
]

[plugins.'io.containerd.cri.v1.images']
  snapshotter = 'overlayfs'

  [plugins.'io.containerd.cri.v1.images'.registry]
    config_path = '{REGISTRIES}'

  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = '{sandbox_image}'

[plugins.'io.containerd.cri.v1.runtime'.containerd]
  default_runtime_name = 'runc'

  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = 'io.containerd.runc.v2'

    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      SystemdCgroup = true

[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ['/opt/cni/bin']
  conf_dir = '/etc/cni/net.d'
"""


def crictl_config(request_timeout_seconds: int) -> str:
    """crictl.yaml: where containerd listens and how long a request may take, in seconds."""
    ends = f"runtime-endpoint: {SOCKET}\nimage-endpoint: {SOCKET}\n"
    return f"# Written by fjordkube.\n{ends}timeout: {request_timeout_seconds}\n"
