"""Tests of how signals become findings."""
