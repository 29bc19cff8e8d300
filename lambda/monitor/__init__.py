"""Looks at what was asked of the model in service, so often as it is declared, and tells what it found."""
