"""The program that talks to the vendor's command: `python3 -I <folder> create|delete`. Standard library alone.

Run by path as a child of the provider plugin, so that a machine is a Pulumi resource without a provider of its own.
"""
