"""Nodes in an OpenStack cloud: instances, their network and security groups, made by OpenStack's API."""
