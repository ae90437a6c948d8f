"""The first thing a newcomer runs: an attack on K10 in a cluster of its own, and what is found."""
