"""The program: settings, machines, cluster, exports. Wiring alone; everything else is in components/."""

from __future__ import annotations

import pulumi

from fjordkube import advice, images
from fjordkube.cluster import ClusterArgs, KubernetesCluster
from fjordkube.errors import FjordkubeError
from fjordkube.host import bundle
from fjordkube.hurry import hurry
from fjordkube.nodes import source, stack_config
from fjordkube.residency import DeclaredResidency, DeclaredResidencyArgs
from fjordkube.settings import load
from fjordkube.timing import timing

hurry()
stack = pulumi.get_stack()
declared = pulumi.Config("fjordkube").get_object("stack")
if declared is None:
    raise pulumi.RunError(
        f"fjordkube:stack: is not in the configuration of stack {stack}; write the stack's settings there, under "
        f"`config:` in stacks/Pulumi.{stack}.yaml ({{}}: every default)"
    )
try:
    settings = load(declared)
    DeclaredResidency("residency", DeclaredResidencyArgs.of(settings))  # before any machine
    made_of = images.of(settings)
    bundle.check(settings, made_of, preview=pulumi.runtime.is_dry_run())
    login = stack_config.registry_login()
    machines = source.find(settings).provide(settings, made_of, stack)
except FjordkubeError as error:
    raise pulumi.RunError(str(error)) from None

for line in advice.warnings(settings):
    pulumi.log.warn(line)

cluster = KubernetesCluster(
    settings.cluster.name,
    ClusterArgs(
        settings,
        machines.nodes,
        made_of,
        timing(settings.cluster.timing, machines.emulated),
        registry_login=None if login is None else pulumi.Output.secret(login),
    ),
)

pulumi.export("nodes", {node.name: {"role": node.role, "address": node.address} for node in machines.nodes})
pulumi.export("residency", {"wanted": settings.residency, "zones": cluster.zones})
pulumi.export("ports", {node.name: node.ports for node in machines.nodes})
pulumi.export("url", cluster.url)
if machines.load_balancer is not None:
    pulumi.export("load_balancer", machines.load_balancer)
pulumi.export("kubeconfig", cluster.kubeconfig)
pulumi.export("gates", cluster.figures)
pulumi.export("promises", cluster.promises)
