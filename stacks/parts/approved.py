"""What exists only while a model is approved, or while one is compared."""

from dataclasses import dataclass
from typing import TypeVar

import aws_cdk as cdk
from constructs import Construct

Resource = TypeVar("Resource", bound=cdk.CfnResource)


@dataclass(frozen=True)
class Approved:
    """A model package to run, and the condition that there is one."""

    package_arn: str
    exists: cdk.CfnCondition

    def only(self, resource: Resource) -> Resource:
        """The resource, made only while there is a package."""
        resource.cfn_options.condition = self.exists
        return resource


def parameter(scope: Construct, name: str, condition: str, description: str) -> Approved:
    """A model package that a parameter of the stack names, empty for none."""
    package = cdk.CfnParameter(scope, name, default="", description=description)
    given = cdk.Fn.condition_not(cdk.Fn.condition_equals(package.value_as_string, ""))
    return Approved(package.value_as_string, cdk.CfnCondition(scope, condition, expression=given))
