"""The model server for ten minutes, and while its processes are killed."""
