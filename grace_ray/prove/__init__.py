"""Everything becomes an entry on a tamper-evident journal."""
