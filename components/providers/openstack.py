"""OpenStack clouds that are known by name, and OpenStack's types of resources.

Owns the tables. Flavors are each cloud's own and not listed here.
"""

from __future__ import annotations

from typing import Final

from fjordkube.providers.provider import Place, Provider, ResourceType

NREC: Final = Provider("NREC", "openstack", {"osl": Place("NO", "Oslo"), "bgo": Place("NO", "Bergen")}, routed=True)
"""NREC, the Norwegian Research and Education Cloud, by regions: the universities of Oslo and Bergen (docs.nrec.no/
api.html names osl and bgo, read 2026-11-25 in the pages' source, norcams/docs-enduser). Its networks are Calico's
(docs.nrec.no/networking.html, read 2026-11-25)."""

SAFESPRING: Final = Provider(
    "Safespring",
    "openstack",
    {
        "osl2": Place("NO", "Oslo"),
        "osl1": Place("NO", "Oslo"),
        "sto1": Place("SE", "Stockholm"),
        "sto2": Place("SE", "Stockholm"),
    },
    routed=True,
)
"""Safespring, by sites (docs.safespring.com/compute/sites, read 2026-11-25: STO1, STO2 and OSL2; osl1 is the older
Norwegian site of docs.safespring.com/storage/generalinfo). Its networks are Calico's (docs.safespring.com/compute/
networking, read 2026-11-25)."""

CLOUDS: Final = {"nrec": NREC, "safespring": SAFESPRING}

TYPES: Final = {
    "openstack:compute/instance:Instance": ResourceType("region", "metadata", "server"),
    "openstack:blockstorage/volume:Volume": ResourceType("region", kept="disk"),
    "openstack:objectstorage/container:Container": ResourceType("region"),
    "openstack:networking/network:Network": ResourceType("region"),
    "openstack:loadbalancer/loadBalancer:LoadBalancer": ResourceType("region"),
}
"""By type token. A volume is encrypted by its type, whose name says nothing of that, and root disks by the cloud's own
set-up."""
