"""Scanning logs without a cluster."""
