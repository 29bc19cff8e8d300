"""Starting the instances of an endpoint, and ending them."""

import math
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from local.errors import ApiError
from local.host import AccessDenied
from local.sagemaker import instances
from local.sagemaker.context import Context
from local.sagemaker.hosting import model_data
from local.sagemaker.hosting.instance import Instance
from local.sagemaker.hosting.plan import VariantPlan
from local.sagemaker.jobs.failure import JobFailed
from local.sagemaker.jobs.logs import LogStream
from local.sagemaker.jobs.permissions import Permissions
from local.sandbox import Limits, SandboxError

_STARTUP_FLOOR = 60.0
"""Seconds that a container has to start however fast time passes: the processor is not faster."""

_CAUSES = (
    model_data.ModelDataError,
    ApiError,
    AccessDenied,
    JobFailed,
    SandboxError,
    LookupError,
    OSError,
    ClientError,
    BotoCoreError,
)
"""What keeps a container from being started; the text of each is for the user."""


class LaunchError(Exception):
    """An instance cannot serve; the text is what FailureReason says."""


class Launcher:
    """Starts and ends the instances of one endpoint, or the copies of one inference component."""

    def __init__(self, context: Context, name: str, kind: str = "Endpoints") -> None:
        self._context = context
        self.log_group = f"/aws/sagemaker/{kind}/{name}"
        self._metrics = f"/aws/sagemaker/{kind}"
        self._directory = Path(context.host.state) / kind.lower() / name

    def launch(self, variant: VariantPlan, give_up: Callable[[], bool]) -> Instance:
        """Start an instance and wait until /ping answers 200; LaunchError if it does not, or on giving up."""
        name = f"i-{secrets.token_hex(8)}"
        try:
            self._authorise(variant, name)
            instance = self._start(variant, name)
        except _CAUSES as error:
            shutil.rmtree(self._directory / name, ignore_errors=True)
            raise LaunchError(f"Production variant {variant.name} could not be launched: {error}") from error
        try:
            self._wait_healthy(variant, instance, give_up)
        except BaseException:
            self.retire(instance, grace_seconds=0)
            raise
        return instance

    def retire(self, instance: Instance, grace_seconds: float) -> None:
        """Stop an instance, send the rest of its log and forget it."""
        instance.stop(grace_seconds)
        instance.log.flush(ended=True)
        shutil.rmtree(instance.directory, ignore_errors=True)

    def clear(self) -> None:
        """Forget what instances of an earlier process left on disk."""
        shutil.rmtree(self._directory, ignore_errors=True)

    def note(self, variant: VariantPlan, stream: str, line: str) -> None:
        """Write a line of our own to a log stream of the endpoint."""
        self._context.host.write_log(self.log_group, f"{variant.name}/{stream}", [line])

    def _authorise(self, variant: VariantPlan, name: str) -> None:
        permissions = Permissions(self._context.host, variant.role)
        permissions.pull(variant.image)
        permissions.log(self.log_group, f"{variant.name}/{name}")
        permissions.put_metrics(self._metrics)
        if variant.subnets:
            permissions.join_network(variant.subnets, variant.security_groups)
        if variant.volume_key:
            permissions.encrypt_volume(variant.volume_key)

    def _start(self, variant: VariantPlan, name: str) -> Instance:
        host = self._context.host
        image = self._context.images.resolve(variant.image)
        directory = self._directory / name
        (directory / "ml" / "model").mkdir(parents=True)
        if variant.model_data:
            s3 = host.client("s3", variant.role, subnets=variant.subnets)
            permissions = Permissions(host, variant.role)
            model_data.fetch(s3, permissions, variant.model_data, directory / "ml" / "model")
        environment = dict(variant.environment)
        if not variant.isolated:
            environment |= {
                **host.credentials(variant.role, "SageMaker").environment(),
                "AWS_REGION": host.region,
                "AWS_DEFAULT_REGION": host.region,
                "AWS_ENDPOINT_URL": host.endpoint_url,
            }
        container = self._context.start(
            image,
            command=["serve"],
            entrypoint=None,
            ml=directory / "ml",
            environment=environment,
            hostname=name,
            network=not variant.isolated,
            aws_endpoint=host.endpoint_url,
            limits=_limits(variant),
            log=directory / "log",
        )
        log = LogStream(host, self.log_group, f"{variant.name}/{name}", directory / "log", lambda _: None)
        return Instance(name, container, directory, log)

    def _wait_healthy(self, variant: VariantPlan, instance: Instance, give_up: Callable[[], bool]) -> None:
        pause = 0.02
        waited = 0.0
        limit = max(variant.startup_seconds / self._context.speed, _STARTUP_FLOOR)
        while not instance.ping():
            if not instance.alive:
                raise LaunchError(_unhealthy(variant, f"It exited with code {instance.exit_code()}."))
            if waited > limit or give_up():
                raise LaunchError(_unhealthy(variant))
            self._context.closing.wait(pause)
            waited += pause
            pause = min(pause * 1.5, 0.5)


def _limits(variant: VariantPlan) -> Limits:
    if variant.component:
        return Limits(cpus=max(1, math.ceil(variant.cpus or 0)), memory_mb=variant.memory_mb or 128)
    if variant.memory_mb:  # serverless: processors in proportion to the memory, up to 6 GB and 6
        return Limits(cpus=-(-variant.memory_mb // 1024), memory_mb=variant.memory_mb)
    return instances.limits(variant.instance_type)


def _unhealthy(variant: VariantPlan, detail: str = "") -> str:
    return (
        f"The primary container for production variant {variant.name} did not pass the ping health check. "
        f"Please check CloudWatch logs for this endpoint. {detail}".rstrip()
    )
