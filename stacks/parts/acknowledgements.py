"""A finding that is meant, written into the template beside the resource that it is about."""

from collections.abc import Mapping

import aws_cdk as cdk
from constructs import Construct

METADATA = "sageloop:acknowledged"


def acknowledge(construct: Construct, findings: Mapping[str, str]) -> None:
    """Accept findings on one construct; each key is the end of a finding's id, each value the reason."""
    resource = construct if isinstance(construct, cdk.CfnResource) else construct.node.default_child
    if not isinstance(resource, cdk.CfnResource):
        raise TypeError(f"{construct.node.path} is not one resource, so nothing can be acknowledged on it")
    resource.add_metadata(METADATA, {**(resource.get_metadata(METADATA) or {}), **findings})
