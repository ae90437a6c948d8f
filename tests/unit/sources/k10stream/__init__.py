"""The k10stream source."""
