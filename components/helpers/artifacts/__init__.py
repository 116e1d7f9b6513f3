"""Bringing a node what it needs, beside Pulumi: asks what is there, sends or lets it get the rest."""
