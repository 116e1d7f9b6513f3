"""Source `vendor_cli`: a vendor whose only interface is a command, by a small contract in JSON."""
