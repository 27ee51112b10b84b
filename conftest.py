"""The suites need nothing here: hil is a pytest plugin, found through its entry point."""
