"""Composition without a cluster: files to events, detection, findings."""
