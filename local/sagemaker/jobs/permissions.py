"""What the role of a job must be allowed beside S3, whose calls are really made with the role."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from local.host import AccessDenied, Host
from local.sagemaker.jobs.failure import JobFailed

_DESCRIBE_NETWORK = (
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeVpcs",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeSubnets",
    "ec2:DescribeSecurityGroups",
)
_CHANGE_NETWORK = (
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
)
_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage")
_LOG = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams")


@dataclass(frozen=True)
class Permissions:
    """The permissions of a job role; each method raises JobFailed with AWS's message where one is missing.

    The lists are those of docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html.
    """

    host: Host
    role: str

    @property
    def region(self) -> str:
        """The region that the job runs in."""
        return self.host.region

    def pull(self, image: str) -> None:
        """Pull an image from a private repository of ECR; other registries ask for nothing."""
        registry, _, rest = image.partition("/")
        if ".dkr.ecr." not in registry:
            return
        account, _, _, region, *_ = registry.split(".")
        repository = rest.partition("@")[0].partition(":")[0]
        self._require(["ecr:GetAuthorizationToken"], "*")
        self._require(_PULL, f"arn:aws:ecr:{region}:{account}:repository/{repository}")

    def log(self, group: str, stream: str) -> None:
        """Write to a CloudWatch log stream."""
        self._require(_LOG, self._arn("logs", f"log-group:{group}:log-stream:"))
        self._require(["logs:PutLogEvents"], self._arn("logs", f"log-group:{group}:log-stream:{stream}"))

    def put_metrics(self, namespace: str) -> None:
        """Send the metrics of the instances and the algorithm to CloudWatch, into this namespace."""
        self._require(["cloudwatch:PutMetricData"], "*", {"cloudwatch:namespace": namespace})

    def join_network(self, subnets: Iterable[str], security_groups: Iterable[str]) -> None:
        """Put network interfaces into the subnets of a VPC."""
        self._require(_DESCRIBE_NETWORK, "*")
        self._require(_CHANGE_NETWORK, self._arn("ec2", "network-interface/*"))
        for subnet in subnets:
            self._require(["ec2:CreateNetworkInterface"], self._arn("ec2", f"subnet/{subnet}"))
        for group in security_groups:
            self._require(["ec2:CreateNetworkInterface"], self._arn("ec2", f"security-group/{group}"))

    def encrypt_volume(self, key: str) -> None:
        """Attach a storage volume that is encrypted with the key."""
        self._require(["kms:CreateGrant"], self._key_arn(key))

    def encrypt(self, key: str) -> None:
        """Write objects that are encrypted with the key."""
        self._use(key, "kms:Encrypt")
        self._use(key, "kms:GenerateDataKey")

    def decrypt(self, key: str) -> None:
        """Read objects that are encrypted with the key."""
        self._use(key, "kms:Decrypt")

    def _use(self, key: str, action: str) -> None:
        # AWS's own keys are open to the whole account through their service.
        if "alias/aws/" not in key:
            self._require([action], self._key_arn(key))

    def _require(
        self, actions: Iterable[str], resource: str, context: Mapping[str, str] | None = None
    ) -> None:
        for action in actions:
            try:
                self.host.require(self.role, action, resource, context)
            except AccessDenied as denied:
                raise JobFailed(f"ClientError: {denied}") from None

    def _key_arn(self, key: str) -> str:
        if key.startswith("arn:"):
            return key
        return self._arn("kms", key if key.startswith("alias/") else f"key/{key}")

    def _arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.host.region}:{self.host.account}:{resource}"
