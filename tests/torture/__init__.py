"""kill -9, restarts, and counts that must be exact."""
