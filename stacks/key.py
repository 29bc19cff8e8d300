"""A key that several projects share."""

import aws_cdk as cdk
from constructs import Construct

from stacks.parts.key import encryption_key


class SharedKey(cdk.Stack):
    """One customer-managed key, apart from every project that uses it."""

    def __init__(
        self, scope: Construct, id_: str, *, retain: bool, env: cdk.Environment | None = None
    ) -> None:
        super().__init__(scope, id_, env=env, description="Sageloop: a key shared by several projects")
        self.key = encryption_key(self, description=f"Data of the projects that share {id_}", retain=retain)
        cdk.CfnOutput(self, "KeyArn", value=self.key.key_arn)
