"""The units of containerd and the kubelet, where no package of the host brings them.

Owns the text. Leaves limits and order to units.py, programs to artifacts.py.
"""

from __future__ import annotations

CONTAINERD_PATH = "/etc/systemd/system/containerd.service"
KUBELET_PATH = "/etc/systemd/system/kubelet.service"
KUBEADM_PATH = "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf"

WRITTEN = "# Written by fjordkube.\n"
"""How they begin, so that a host's own file in that place is kept beside (scripts/lib.sh)."""


def containerd_unit() -> str:
    """Delegate: containers' cgroups are containerd's own. KillMode: a restart leaves containers running."""
    return (
        f"{WRITTEN}[Unit]\n"
        "Description=containerd, the container runtime\n"
        "After=network.target local-fs.target\n\n"
        "[Service]\n"
        "ExecStartPre=-/sbin/modprobe overlay\n"
        "ExecStart=/usr/local/bin/containerd\n"
        "Type=notify\n"
        "Delegate=yes\n"
        "KillMode=process\n"
        "Restart=always\n"
        "RestartSec=5\n"
        "LimitNPROC=infinity\n"
        "LimitCORE=infinity\n"
        "OOMScoreAdjust=-999\n\n"
        "[Install]\n"
        "WantedBy=multi-user.target\n"
    )


def kubelet_unit() -> str:
    """The kubelet, started again for ever: it ends whenever its configuration is not there yet."""
    return (
        f"{WRITTEN}[Unit]\n"
        "Description=kubelet, the Kubernetes node agent\n"
        "Wants=network-online.target\n"
        "After=network-online.target containerd.service\n"
        "StartLimitIntervalSec=0\n\n"
        "[Service]\n"
        "ExecStart=/usr/local/bin/kubelet\n"
        "Restart=always\n"
        "RestartSec=10\n\n"
        "[Install]\n"
        "WantedBy=multi-user.target\n"
    )


def kubeadm_dropin() -> str:
    """What kubeadm expects of the kubelet's unit: the files that it writes, and no start before they are there."""
    kubernetes = "/etc/kubernetes"
    kubeconfigs = f"--bootstrap-kubeconfig={kubernetes}/bootstrap-kubelet.conf --kubeconfig={kubernetes}/kubelet.conf"
    arguments = "$KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS"
    return (
        f"{WRITTEN}[Unit]\n"
        "ConditionPathExists=/var/lib/kubelet/config.yaml\n\n"
        "[Service]\n"
        f'Environment="KUBELET_KUBECONFIG_ARGS={kubeconfigs}"\n'
        'Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"\n'
        "EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env\n"
        "EnvironmentFile=-/etc/default/kubelet\n"
        "ExecStart=\n"
        f"ExecStart=/usr/local/bin/kubelet {arguments}\n"
    )
