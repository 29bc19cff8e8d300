"""Starts the training pipeline when data, a schedule or a person asks for it."""
