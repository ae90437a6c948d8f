"""Where activity comes from. Siblings that do not know each other; each hands deliveries to an intake."""
