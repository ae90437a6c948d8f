"""Tests of the webhook source: real TLS, real sockets, a real journal."""
