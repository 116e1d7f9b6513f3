"""A cluster on nodes of a source of one's own (inventory.py)."""

import pulumi
from inventory import Inventory, InventoryArgs

from fjordkube.cluster import ClusterArgs, KubernetesCluster
from fjordkube.images import upstream
from fjordkube.settings import ClusterSettings, Firewall
from fjordkube.timing import NATIVE

config = pulumi.Config()
settings = ClusterSettings(firewall=Firewall(admin_cidrs=["198.51.100.0/24"]))
inventory = Inventory("nodes", InventoryArgs(config.require_object("machines"), config.require_secret("key")))
images = upstream(settings.kubernetes.version, settings.network.version)
cluster = KubernetesCluster("edge", ClusterArgs(settings, inventory.nodes, images, NATIVE))
pulumi.export("url", cluster.url)
pulumi.export("zones", cluster.zones)
