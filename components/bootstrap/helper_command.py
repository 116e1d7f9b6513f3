"""A node's membership that needs the API and the node at once: a local command that runs a helper.

Owns the command's environment, the one way secrets reach the helper, and what makes it run again. Leaves what it does
to helpers/, the part about SSH to node.py, and the choice of verb to worker.py and control_plane.py. Nothing of a token
is ever an input or an output.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Literal

import pulumi
from pulumi_command import local

from fjordkube.bootstrap import steps
from fjordkube.bootstrap.kubeadm_cluster import KubeadmCluster
from fjordkube.helpers import launcher
from fjordkube.network.calico_node import address_annotations
from fjordkube.node import Node, ssh_environment


class HelperCommand(local.Command):
    """Runs the helper's VERB to create and update, its `remove` to delete."""

    def __init__(
        self,
        name: str,
        verb: Literal["join", "member"],
        *,
        node: Node,
        cluster: KubeadmCluster,
        kubeconfig: pulumi.Input[str] | None = None,
        script: pulumi.Input[str],
        reset: bool = False,
        more: Mapping[str, pulumi.Input[str]] | None = None,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions,
    ) -> None:
        run = launcher.command(verb)
        environment: dict[str, pulumi.Input[str]] = {
            "FJORDKUBE_NODE": node.name,
            "FJORDKUBE_ENDPOINT": cluster.cluster.control_plane_endpoint,
            "FJORDKUBE_SCRIPT": script,
            "FJORDKUBE_ANNOTATIONS": json.dumps(address_annotations(node.address, node.prefix_length)),
            # in this order on every run: a label moved in the stack file is no change
            "FJORDKUBE_LABELS": json.dumps(dict(node.labels), sort_keys=True),
            "FJORDKUBE_TAINTS": json.dumps(sorted(node.taints)),
            "FJORDKUBE_WAIT": str(cluster.timing.timeouts.tls_bootstrap),
            "FJORDKUBE_DRAIN": str(cluster.timing.drain),
            **ssh_environment("SSH", node),
            **({"FJORDKUBE_KUBECONFIG": pulumi.Output.secret(kubeconfig)} if kubeconfig is not None else {}),
            **({"FJORDKUBE_RESET_SCRIPT": steps.reset()} if reset else {}),
            **(more or {}),
            # Another machine or revision is an update. Not `triggers`: a changed trigger replaces the resource
            # (pulumi-command#855), whose old half would then take the node that has just joined out of the cluster.
            "FJORDKUBE_MACHINE": node.up,
            "FJORDKUBE_HELPER": launcher.REVISIONS["membership"],
        }
        opts.depends_on = list(after)
        # Asked for by name (pulumi up --replace), it leaves and joins anew: the other order would end with leaving.
        opts.delete_before_replace = True
        super().__init__(
            name,
            create=run,
            update=run,
            delete=launcher.command("remove"),
            environment=environment,
            logging=local.Logging.STDERR,
            add_previous_output_in_env=False,
            opts=opts,
        )
