"""Image references for clusters that nobody starts."""

from __future__ import annotations

from fjordkube.images import Images

SANDBOX = "registry.example/kubernetes/pause:3.10.2"
_NAMES = ("demo", "calico-node", "calico-cni", "calico-kube-controllers", "ingress-nginx-controller")

IMAGES = Images({**dict.fromkeys(_NAMES, "registry.example/x:1"), "pause": SANDBOX}, "registry.example/kubernetes")
