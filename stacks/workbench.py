"""Where people explore the data: a notebook instance without a way to the internet."""

import base64

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from declaration import Batch, Project, Workbench
from stacks.network import Network
from stacks.parts.paths import ROOT
from stacks.parts.roles import Grant, service_role
from stacks.parts.sagemaker_grants import SAGEMAKER, list_objects, read_objects
from stacks.storage import Storage

IDLE_STOP = ROOT / "stacks/parts/idle_stop.py"


class WorkbenchStack(cdk.Stack):
    """A notebook instance that may read the project's data and models, and stops itself when idle."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        project: Project,
        workbench: Workbench,
        network: Network,
        storage: Storage,
        env: cdk.Environment | None = None,
    ) -> None:
        super().__init__(scope, id_, env=env, description=f"Sageloop: notebook instance of {project.name}")
        if network.workbench is None:
            raise ValueError(f"the network of {project.name} was made without room for a workbench")
        lifecycle = sagemaker.CfnNotebookInstanceLifecycleConfig(
            self,
            "Lifecycle",
            on_start=[
                sagemaker.CfnNotebookInstanceLifecycleConfig.NotebookInstanceLifecycleHookProperty(
                    content=base64.b64encode(_on_start(project.name, workbench).encode()).decode()
                )
            ],
        )
        sagemaker.CfnNotebookInstance(
            self,
            "Notebook",
            notebook_instance_name=project.name,
            instance_type=workbench.instance,
            platform_identifier="notebook-al2023-v1",
            role_arn=self._role(project, storage).role_arn,
            volume_size_in_gb=workbench.volume_gb,
            kms_key_id=storage.key.key_arn,
            subnet_id=network.subnet_ids[0],
            security_group_ids=[network.workbench.security_group_id],
            direct_internet_access="Disabled",
            root_access="Disabled",
            instance_metadata_service_configuration=(
                sagemaker.CfnNotebookInstance.InstanceMetadataServiceConfigurationProperty(
                    minimum_instance_metadata_service_version="2"
                )
            ),
            lifecycle_config_name=lifecycle.attr_notebook_instance_lifecycle_config_name,
        )
        cdk.CfnOutput(self, "NotebookInstance", value=project.name)

    def _role(self, project: Project, storage: Storage) -> iam.Role:
        region = f"{self.region}:{self.account}"
        own = f"arn:{self.partition}:sagemaker:{region}"
        logs = f"arn:{self.partition}:logs:{region}:log-group:/aws/sagemaker/NotebookInstances"
        incoming, artifacts = storage.incoming.bucket_arn, storage.artifacts.bucket_arn
        grants = [
            list_objects("ListData", incoming, ["data/*"]),
            read_objects("ReadData", incoming, ["data/*"]),
            list_objects("ListModels", artifacts, ["executions/*"]),
            read_objects("ReadModels", artifacts, ["executions/*"]),
            Grant("DecryptData", ["kms:Decrypt"], [storage.key.key_arn]),
            Grant(
                "WriteLogs",
                [
                    "logs:CreateLogGroup",
                    "logs:CreateLogStream",
                    "logs:DescribeLogStreams",
                    "logs:PutLogEvents",
                ],
                [logs, f"{logs}:*"],
                wildcard="SageMaker names the log streams of the instance",
            ),
            Grant(
                "StopItself",
                ["sagemaker:StopNotebookInstance"],
                [f"{own}:notebook-instance/{project.name}"],
            ),
        ]
        if project.endpoint and not isinstance(project.endpoint, Batch):
            grants.append(Grant("Predict", ["sagemaker:InvokeEndpoint"], [f"{own}:endpoint/{project.name}"]))
        return service_role(
            self,
            "Role",
            service=SAGEMAKER,
            description=f"The notebook instance of {project.name}",
            grants=grants,
        )


def _on_start(name: str, workbench: Workbench) -> str:
    """The script that SageMaker runs as root at every start; it may take five minutes."""
    program = base64.b64encode(IDLE_STOP.read_bytes()).decode()
    return f"""#!/bin/bash
set -euo pipefail
base64 --decode > /usr/local/bin/sageloop-idle-stop <<'END'
{program}
END
systemd-run --unit=sageloop-idle-stop --on-active=5min --on-unit-active=5min \\
  /usr/bin/python3 /usr/local/bin/sageloop-idle-stop --instance {name} \\
  --idle-seconds {workbench.idle_stop_seconds}
"""
