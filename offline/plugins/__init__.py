"""fjordkube's stand-ins for Pulumi plugins that no package registry carries.

Owns a Python language host, a command provider and a kubernetes provider that speak Pulumi's gRPC protocol, and one
provider that only previews, for clouds; used only where the official plugins cannot be had. Leaves the engine alone
(always Pulumi's own) and leaves the choice between stand-in and official to `make`. One conformance suite
(tests/conformance) holds both to the same behaviour; why they exist is in docs/adr/0004-stand-ins-for-plugins.md.
"""
