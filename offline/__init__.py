"""For a site that reaches only package registries: toolchain, image of machines, bundles, stand-ins of plugins."""
