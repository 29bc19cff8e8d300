"""An AWS account in memory: what our functions call, and at each call what may go wrong."""
