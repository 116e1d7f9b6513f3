"""Joining and leaving a cluster: what needs the Kubernetes API and the node in turn."""
