"""Stand-in for pulumi-language-python: runs a Pulumi program in its own interpreter."""
