"""Constructs and statements that are secure as they come; the stacks put them together."""
