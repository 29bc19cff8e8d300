"""Load on an endpoint, from a generator whose calls come when they are due, and what became of them."""
