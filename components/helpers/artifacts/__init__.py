"""Artifacts: what a node runs with, as one list and as a bundle, read where the program may not be."""
