"""The embedded Application Auto Scaling: it adds and removes instances of endpoints that really run."""
