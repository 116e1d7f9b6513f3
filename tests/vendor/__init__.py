"""A vendor that is not there: its command, for tests of source vendor_cli."""
