"""What a site needs that reaches only package registries: toolchain, bundle, and stand-ins for Pulumi plugins."""
