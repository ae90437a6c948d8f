"""Composition without a cluster: files to findings, printed (to come)."""
