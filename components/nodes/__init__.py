"""Where nodes come from: one package per source, each giving the same `components.node.Node`."""
