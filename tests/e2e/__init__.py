"""The installed form on a real node (to come)."""
