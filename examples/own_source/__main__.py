"""A cluster on nodes of a source of one's own (inventory.py)."""

import pulumi
from inventory import Inventory, InventoryArgs

from fjordkube import images
from fjordkube.cluster import ClusterArgs, KubernetesCluster
from fjordkube.settings import ClusterSettings, Firewall
from fjordkube.timing import NATIVE

config = pulumi.Config()
settings = ClusterSettings(firewall=Firewall(admin_cidrs=["198.51.100.0/24"]))
inventory = Inventory("nodes", InventoryArgs(config.require_object("machines"), config.require_secret("key")))
cluster = KubernetesCluster("edge", ClusterArgs(settings, inventory.nodes, images.of(settings), NATIVE))
pulumi.export("url", cluster.url)
pulumi.export("zones", cluster.zones)
