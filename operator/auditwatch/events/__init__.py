"""What happened: records, activity, redaction, keys. Pure."""
