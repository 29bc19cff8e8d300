"""Self-contained pages with charts, for what a table cannot show."""
