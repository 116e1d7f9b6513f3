"""Upstream's release hosts and registries, answered on loopback with what is built here."""
