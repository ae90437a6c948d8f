"""Composition: settings, journal, Lease, threads, kopf, probes."""
