"""Where the models of a declaration live in AWS: one app, and per project one stack for each lifetime."""

from stacks.node import use_own_node

use_own_node()

from stacks.deployment import build, deploy  # noqa: E402 (it imports the CDK)

__all__ = ["build", "deploy"]
