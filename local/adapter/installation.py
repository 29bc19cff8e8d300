"""Everything that makes ministack our embedded AWS, put in at the start and taken out at the end."""

import asyncio
import os
import threading

from local.adapter import (
    alarm_access,
    audit,
    cfn,
    changes,
    corrections,
    deliveries,
    encryption,
    integration,
    object_events,
    operations,
    pass_role,
    pipeline_targets,
    proxied,
    routing,
    stack_events,
    vpc,
)
from local.adapter.access_logs import AccessLogs
from local.adapter.alarms import Alarms
from local.adapter.async_runtime import Runtimes
from local.adapter.callers import Callers
from local.adapter.durability import Durability
from local.adapter.host import MinistackHost
from local.adapter.runtime import Runtime
from local.adapter.service_metrics import ServiceMetrics
from local.autoscaling.service import AutoScaling
from local.cloud import IMAGES
from local.images import ImageStore
from local.images.aws import AwsImages
from local.sagemaker.service import SageMaker

SPOT_INTERRUPTION = "SAGELOOP_SPOT_INTERRUPTION_SECONDS"
"""The variable that makes AWS take away, once and after so many seconds, the instance of each spot job."""


class Installation:
    """Our services and additions inside ministack."""

    def __init__(self, host: MinistackHost) -> None:
        self.host = host
        images = AwsImages(ImageStore(IMAGES), host.account)
        self._sagemaker = SageMaker(host, images, spot_interruption_seconds=_spot_interruption_seconds())
        self._autoscaling = AutoScaling(host)
        self._alarms = Alarms(host)
        self._access_logs = AccessLogs(host)
        self._service_metrics = ServiceMetrics(host)
        self._durability = Durability(host.state / "services", host)
        self._callers = Callers(host.account)
        synchronous = Runtime(self._sagemaker.invoke, self._callers)
        self.runtime = Runtimes(self._sagemaker.invoke_async, synchronous, host.account)
        services: dict[str, routing.Service] = {
            "sagemaker": self._sagemaker,
            "application-autoscaling": self._autoscaling,
        }
        routing.register(services)
        cfn.register(host, services)
        audit.install()
        corrections.install()
        alarm_access.install()
        deliveries.install()
        pipeline_targets.install(host, self._sagemaker)
        object_events.install()
        encryption.install()
        vpc.install()
        self._access_logs.install()
        pass_role.install()
        integration.install(self._sagemaker.invoke)
        proxied.install()
        self._service_metrics.install()
        operations.install()
        stack_events.install(host, self._stack_changed)
        # Last, around everything that the others put in.
        changes.watch(self._durability, self._callers.forget)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to work; ministack's state is loaded, its port not yet open."""
        self.host.attach(loop)
        self.host.checkpoint = self._durability.checkpoint
        self._durability.start()
        self._alarms.start()
        self._access_logs.start()
        self._service_metrics.start()
        loop.call_soon(operations.resume)
        # They call back over HTTP: not before the port is open, and never on the loop.
        threading.Thread(target=self._resume, name="resume", daemon=True).start()

    def _stack_changed(self) -> None:
        self._durability.mark_all()
        self._callers.forget()

    def _resume(self) -> None:
        self._sagemaker.resume()
        self._autoscaling.resume()

    def close(self) -> None:
        """End every container, and leave the last state on disk."""
        self._autoscaling.close()
        self._sagemaker.close()
        self._alarms.close()
        self._access_logs.close()
        self._service_metrics.close()
        self._durability.close()


def _spot_interruption_seconds() -> float | None:
    text = os.environ.get(SPOT_INTERRUPTION)
    try:
        return float(text) if text else None
    except ValueError:
        # The last line of the log, which a start that failed shows.
        raise SystemExit(f"{SPOT_INTERRUPTION} must be a number of seconds, but is {text!r}.") from None
