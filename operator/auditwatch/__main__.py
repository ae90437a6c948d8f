"""``python -m auditwatch``."""

from auditwatch.cli.main import main

if __name__ == "__main__":
    main()
