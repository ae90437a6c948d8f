"""The first thing a newcomer runs: see docs/tutorial/first-finding.md."""
