"""What exists only while a model is approved."""

from dataclasses import dataclass
from typing import TypeVar

import aws_cdk as cdk

Resource = TypeVar("Resource", bound=cdk.CfnResource)


@dataclass(frozen=True)
class Approved:
    """The model package to serve, and the condition that there is one."""

    package_arn: str
    exists: cdk.CfnCondition

    def only(self, resource: Resource) -> Resource:
        """The resource, made only while there is a package."""
        resource.cfn_options.condition = self.exists
        return resource
