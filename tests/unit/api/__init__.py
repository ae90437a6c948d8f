"""Tests of the api room: pure, without a cluster."""
