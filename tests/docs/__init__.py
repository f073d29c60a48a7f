"""The documentation says what the tree says."""
