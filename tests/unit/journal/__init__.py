"""The journal's own tests."""
