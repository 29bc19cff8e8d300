"""Containers without Docker: Linux namespaces, made in some tens of milliseconds by any user."""

from local.sandbox.container import Container, Limits, SandboxError
from local.sandbox.start import start, unavailable

__all__ = ["Container", "Limits", "SandboxError", "start", "unavailable"]
