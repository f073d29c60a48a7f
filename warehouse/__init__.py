"""Landing, merge, history, quarantine, identity, survivorship: the shared warehouse in PostgreSQL."""
