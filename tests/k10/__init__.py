"""A stand-in for Kasten K10: what a test needs of it, on a real API server."""
