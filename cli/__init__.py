"""The sageloop command: a thin client of whatever AWS the environment names."""
