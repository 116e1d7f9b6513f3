"""Calico and ingress-nginx on a cluster that somebody else made: no pod network, no ingress controller in it yet."""

import pulumi
import pulumi_kubernetes as kubernetes

from fjordkube.ingress.nginx import IngressNginx, IngressNginxArgs
from fjordkube.network.calico import Calico, CalicoArgs
from fjordkube.settings import Calico as CalicoSettings
from fjordkube.settings import IngressNginx as IngressNginxSettings

config = pulumi.Config()
api_host = config.require("apiHost")  # as nodes reach it without kube-proxy, e.g. 10.1.0.11
images = config.require_object("images")  # by component, with tag or digest
cluster = kubernetes.Provider("cluster", kubeconfig=config.require_secret("kubeconfig"))

calico = Calico(
    "calico",
    CalicoArgs(
        settings=CalicoSettings(pod_cidr="10.244.0.0/16", as_number=64512),
        private_cidr=config.require("privateCidr"),  # of the nodes, which speak BGP over it, e.g. 10.1.0.0/24
        api_host=api_host,
        images=images,
        provider=cluster,
        install_cni=True,  # kubeadm leaves that to the network
    ),
)
IngressNginx(
    "ingress",
    IngressNginxArgs(
        settings=IngressNginxSettings(http_port=80, https_port=443),
        api_host=api_host,
        image=images["ingress-nginx-controller"],
        provider=cluster,
        after=[calico.node],
    ),
)
pulumi.export("pod_cidr", calico.pod_cidr)
