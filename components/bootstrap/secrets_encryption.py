"""Encryption of Secrets in a living cluster, as a resource: it runs when the key or the set of control planes changes.

Owns when it runs and what it is told. Leaves how to helpers/secrets_encryption.py. Nothing of a key is an input or an
output. Where Secrets are in the clear from the start there is nothing to do, and creating it is free; deleting it is
too, since it ends with the cluster.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
from pulumi_command import local

from fjordkube.bootstrap import steps
from fjordkube.bootstrap.kubeadm_cluster import KubeadmCluster
from fjordkube.helpers import launcher
from fjordkube.node import reached


class SecretsEncryption(local.Command):
    """Done when every Secret in etcd is as the settings say."""

    def __init__(
        self,
        name: str,
        cluster: KubeadmCluster,
        kubeconfig: pulumi.Input[str],
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions,
    ) -> None:
        """`after`: all control planes are members."""
        key = cluster.kubernetes.hardening.key
        run = launcher.command("encrypt")
        opts.depends_on = list(after)
        super().__init__(
            name,
            create=run if key else "true",
            update=run,
            environment={
                "FJORDKUBE_SECRETS_KEY": str(key),
                "FJORDKUBE_NODES": reached(cluster.control_planes),
                "FJORDKUBE_KUBECONFIG": pulumi.Output.secret(kubeconfig),
                "FJORDKUBE_SCRIPT": steps.secrets_encryption(cluster),
                "FJORDKUBE_HELPER": launcher.REVISIONS["secrets"],
            },
            logging=local.Logging.STDERR,
            add_previous_output_in_env=False,
            opts=opts,
        )
