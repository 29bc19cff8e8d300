"""What may keep a job from starting, looked at before one waits for it."""
