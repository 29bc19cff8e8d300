"""Hosting: models, endpoints whose instances are real servers, rollouts and invocations."""

from local.sagemaker.hosting.invoke import InvokeResult
from local.sagemaker.hosting.part import Hosting

__all__ = ["Hosting", "InvokeResult"]
