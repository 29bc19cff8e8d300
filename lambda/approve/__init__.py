"""Records who approves a model, and approves it once enough people have."""
