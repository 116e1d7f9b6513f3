"""Stand-in for pulumi-resource-command: commands on this machine and, over SSH, on others."""
