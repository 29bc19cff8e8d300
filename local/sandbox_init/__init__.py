"""The inside of a container: what runs before and around its program, with the standard library alone."""
