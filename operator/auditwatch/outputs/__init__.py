"""Where findings go besides the API; the outputs are siblings and do not know each other."""
