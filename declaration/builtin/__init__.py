"""The first-party algorithms of SageMaker, each as data with the page of AWS that it comes from."""

from declaration.builtin.algorithm import BuiltIn
from declaration.builtin.channels import Channel
from declaration.builtin.jumpstart import JumpStart

__all__ = ["BuiltIn", "Channel", "JumpStart"]
