"""The network of one project, or of several that share it: a VPC without a way to the internet."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.parts.roles import Grant, service_role

CIDR = "10.0.0.0/16"
HTTPS = ec2.Port.tcp(443)


class Network(cdk.Stack):
    """Two private subnets, the S3 endpoint that every job needs, and those that a notebook needs."""

    def __init__(
        self, scope: Construct, id_: str, *, workbench: bool, env: cdk.Environment | None = None
    ) -> None:
        super().__init__(scope, id_, env=env, description="Sageloop: network without internet access")
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(CIDR),
            max_azs=2,
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="private", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=20
                )
            ],
            # A custom resource would have to do it; no interface of ours uses the default group.
            restrict_default_security_group=False,
        )
        self.jobs = self._security_group("Jobs", "SageMaker jobs and models: only out, only HTTPS")
        self._reach_s3()
        self._record_flows()
        self.workbench = self._reach_sagemaker() if workbench else None

    @property
    def availability_zones(self) -> list[str]:
        """The first two zones of whichever region it is deployed to; no lookup, so synth needs no AWS."""
        return [cdk.Fn.select(index, cdk.Fn.get_azs()) for index in range(2)]

    @property
    def subnet_ids(self) -> list[str]:
        """The private subnets; SageMaker hosting wants two zones."""
        return [subnet.subnet_id for subnet in self.vpc.isolated_subnets]

    def _security_group(self, id_: str, description: str) -> ec2.SecurityGroup:
        group = ec2.SecurityGroup(self, id_, vpc=self.vpc, description=description, allow_all_outbound=False)
        # Gateway endpoints have public addresses. The route tables lead nowhere but to the endpoints.
        group.add_egress_rule(ec2.Peer.any_ipv4(), HTTPS, "AWS services through the VPC endpoints")
        return group

    def _reach_s3(self) -> None:
        """The one endpoint that isolated jobs need, and it is free: SageMaker itself pulls images and logs.

        https://docs.aws.amazon.com/sagemaker/latest/dg/train-vpc.html
        https://docs.aws.amazon.com/sagemaker/latest/dg/process-vpc.html
        """
        endpoint = self.vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
        endpoint.add_to_policy(
            iam.PolicyStatement(
                sid="OnlyBucketsOfThisAccount",
                principals=[iam.AnyPrincipal()],
                actions=["s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"],
                resources=["*"],
                conditions={"StringEquals": {"aws:ResourceAccount": self.account}},
            )
        )

    def _reach_sagemaker(self) -> ec2.SecurityGroup:
        """Endpoints for notebooks, which have no other way out: to stop themselves and to predict.

        Interface endpoints are billed by the hour and zone, so they exist only where a workbench does.
        """
        endpoints = ec2.SecurityGroup(
            self,
            "Endpoints",
            vpc=self.vpc,
            description="VPC interface endpoints: only in, only HTTPS",
            allow_all_outbound=False,
        )
        endpoints.add_ingress_rule(ec2.Peer.ipv4(CIDR), HTTPS, "Notebooks of this network")
        for id_, service in (
            ("SageMakerApi", ec2.InterfaceVpcEndpointAwsService.SAGEMAKER_API),
            ("SageMakerRuntime", ec2.InterfaceVpcEndpointAwsService.SAGEMAKER_RUNTIME),
        ):
            self.vpc.add_interface_endpoint(id_, service=service, security_groups=[endpoints], open=False)
        return self._security_group("Workbench", "Notebook instances: only out, only HTTPS")

    def _record_flows(self) -> None:
        """Addresses and ports only, no content; kept for three months."""
        group = logs.LogGroup(
            self,
            "FlowLogs",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        role = service_role(
            self,
            "FlowLogRole",
            service="vpc-flow-logs.amazonaws.com",
            description="Writes the flow logs of the VPC",
            grants=[
                Grant(
                    "WriteFlowLogs",
                    ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                    [group.log_group_arn],
                )
            ],
        )
        ec2.CfnFlowLog(
            self,
            "FlowLog",
            resource_id=self.vpc.vpc_id,
            resource_type="VPC",
            traffic_type="ALL",
            log_group_name=group.log_group_name,
            deliver_logs_permission_arn=role.role_arn,
        )
