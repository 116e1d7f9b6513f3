"""Stand-in for pulumi-resource-kubernetes: any kind, by discovery and server-side apply."""
