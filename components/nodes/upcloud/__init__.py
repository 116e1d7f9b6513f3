"""Nodes at UpCloud: servers, their network and firewall, made by UpCloud's API."""
