"""The runtime's decisions."""
