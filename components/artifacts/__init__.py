"""What a node needs before it can be one: programs, container images, packages of its distribution; as data."""
