"""Does monitoring find what has changed, and only that: on flights, against a peer with its defaults."""
