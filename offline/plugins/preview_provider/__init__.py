"""A provider that can only be previewed, for any package: see provider.py."""
