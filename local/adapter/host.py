"""The cloud as our own services see it: events, metrics, logs, credentials and permissions of ministack."""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import boto3
import botocore.session
from botocore.config import Config
from botocore.loaders import create_loader

from local.adapter import authorization, datapoints, seams, vpc
from local.host import AlarmAction, Credentials, Metric

T = TypeVar("T")
AlarmListener = Callable[[AlarmAction], None]
SERVICE = authorization.SAGEMAKER
CLIENT_SECONDS = 600.0


class MinistackHost:
    """A `local.host.Host` on ministack; methods are safe in any thread, the event loop's own included."""

    def __init__(self, state: Path, port: int, account: str, region: str, speed: float) -> None:
        self.account = account
        self.region = region
        self.endpoint_url = f"http://127.0.0.1:{port}"
        self.speed = speed
        self.state = state
        self.alarm_listeners: list[tuple[str, AlarmListener]] = []
        self.checkpoint: Callable[[], None] = _not_started
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread = 0
        self._clients: dict[tuple[str | None, ...], tuple[Any, float]] = {}
        self._models = create_loader()
        self._clients_lock = threading.Lock()

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Learn the event loop that ministack runs on; called from that loop when the server starts."""
        self._loop = loop
        self._loop_thread = threading.get_ident()

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Act in this cloud's account and region."""
        with seams.responses.request_scope(self.account, self.region):
            yield

    def on_loop(self, work: Callable[[], T]) -> T:
        """Run `work` where ministack changes its own state, so that neither sees the other half done."""

        def scoped() -> T:
            with self.scope():
                return work()

        if self._loop is None or threading.get_ident() == self._loop_thread:
            return scoped()

        async def task() -> T:
            return scoped()

        return asyncio.run_coroutine_threadsafe(task(), self._loop).result()

    def emit(
        self, source: str, detail_type: str, detail: Mapping[str, Any], resources: Sequence[str] = ()
    ) -> None:
        """Put an AWS event on the default event bus."""
        entry = {
            "Source": source,
            "DetailType": detail_type,
            "Detail": json.dumps(detail),
            "Resources": list(resources),
        }

        def put() -> None:
            seams.eventbridge._ensure_default_bus()
            seams.eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)

        self.on_loop(put)

    def put_metrics(self, namespace: str, data: Sequence[Metric]) -> None:
        """Record metrics, as CloudWatch's PutMetricData does."""

        def put() -> None:
            for datum in data:
                seams.cloudwatch._store_datum(
                    namespace,
                    datum.name,
                    dict(datum.dimensions),
                    time.time() if datum.timestamp is None else datum.timestamp,
                    datum.unit,
                    None,
                    [datum.value],
                    [datum.count],
                    None,
                )

        self.on_loop(put)

    def metric(
        self,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        statistic: str,
        start: float,
        end: float,
    ) -> float | None:
        """Return the statistic over [start, end), None without data."""
        return self.on_loop(lambda: statistic_of(namespace, name, dimensions, statistic, start, end))

    def alarm_state(self, name: str) -> str | None:
        """Return the state of a metric or composite alarm, None when there is no such alarm."""

        def state() -> str | None:
            alarm = seams.cloudwatch._alarms.get(name) or seams.cloudwatch._composite_alarms.get(name)
            return alarm["StateValue"] if alarm else None

        return self.on_loop(state)

    def on_alarm(self, prefix: str, listener: AlarmListener) -> None:
        """Call `listener`, in a thread, for each alarm action whose ARN begins with `prefix`."""
        self.alarm_listeners.append((prefix, listener))

    def write_log(self, group: str, stream: str, lines: Sequence[str]) -> None:
        """Append lines to a CloudWatch log stream; makes group and stream where they are missing."""
        stamp = int(time.time() * 1000)
        events = [{"timestamp": stamp, "message": line} for line in lines]

        def write() -> None:
            name = {"logGroupName": group, "logStreamName": stream}
            seams.logs._create_log_group({"logGroupName": group})
            seams.logs._create_log_stream(name)
            status, _, body = seams.logs._put_log_events(name | {"logEvents": events})
            if status >= 400:
                raise RuntimeError(f"CloudWatch Logs refused {group}/{stream}: {body!r}")

        self.on_loop(write)

    def credentials(self, role_arn: str, session_name: str) -> Credentials:
        """Assume the role for SageMaker; AccessDenied if it is missing or does not trust SageMaker."""
        return self.on_loop(lambda: authorization.assume(role_arn, session_name, SERVICE))

    def client(
        self,
        service: str,
        role_arn: str | None = None,
        session_name: str = "SageMaker",
        subnets: Sequence[str] = (),
    ) -> Any:
        """Return a boto3 client of this cloud with the role's credentials (else the service's own).

        A client is kept as long as AWS keeps a session of a service: making one holds the interpreter for
        tenths of a second, and with it every request.
        """
        if subnets:
            self.on_loop(lambda: vpc.log_flow(subnets))
        key = (service, role_arn, session_name, *subnets)
        with self._clients_lock:
            made, until = self._clients.get(key, (None, 0.0))
            if time.monotonic() < until:
                return made
        made = self._new_client(service, role_arn, session_name, subnets)
        with self._clients_lock:
            self._clients[key] = (made, time.monotonic() + CLIENT_SECONDS)
        return made

    def _new_client(
        self, service: str, role_arn: str | None, session_name: str, subnets: Sequence[str]
    ) -> Any:
        granted = self.credentials(role_arn, session_name) if role_arn else Credentials("test", "test", "")
        if subnets:
            self.on_loop(lambda: vpc.enter(granted.access_key_id, subnets))
        core = botocore.session.get_session()
        # Reading a service's model takes longer than everything else: once is enough.
        core.register_component("data_loader", self._models)
        session = boto3.Session(
            botocore_session=core,
            aws_access_key_id=granted.access_key_id,
            aws_secret_access_key=granted.secret_access_key,
            aws_session_token=granted.session_token or None,
            region_name=self.region,
        )
        retries: Any = {"mode": "standard", "total_max_attempts": 3}
        return session.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.endpoint_url,
            config=Config(retries=retries, read_timeout=600, max_pool_connections=32),
        )

    def require(
        self, role_arn: str, action: str, resource: str, context: Mapping[str, str] | None = None
    ) -> None:
        """Raise AccessDenied unless the role's policies allow the action, with these condition keys."""

        self.on_loop(lambda: authorization.require(role_arn, SERVICE, action, resource, context))


def _not_started() -> None:
    raise RuntimeError("The durability of this cloud has not been started.")


def statistic_of(
    namespace: str,
    name: str,
    dimensions: Mapping[str, str],
    statistic: str,
    start: float,
    end: float,
) -> float | None:
    """Return a statistic of one metric over [start, end); in the scope of the current account and region."""
    key = (namespace, name, seams.cloudwatch._dims_key(dict(dimensions)))
    points = datapoints.between(key, seams.cloudwatch._metrics.get(key) or [], start, end)
    stats = seams.cloudwatch._calc_stats(points)
    if not stats:
        return None
    value = seams.cloudwatch._stat_value(stats, statistic, points)
    return None if value is None else float(value)
