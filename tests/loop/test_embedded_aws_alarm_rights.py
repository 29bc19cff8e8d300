"""Who may see which alarms."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.loop.raw_stacks import allow, assume, create_role

ALARMS = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:"
DENIED = "not authorized to perform: cloudwatch:DescribeAlarms"


@pytest.fixture
def watcher(client: Any) -> Iterator[Callable[[str], Any]]:
    """A client of CloudWatch whose role may see one alarm, by its name."""
    made: list[str] = []

    def make(alarm: str) -> Any:
        name = f"watcher-{len(made)}"
        anybody = {"AWS": "arn:aws:iam::000000000000:root"}
        create_role(client("iam"), name, anybody, allow("cloudwatch:DescribeAlarms", f"{ALARMS}{alarm}"))
        made.append(name)
        return client("cloudwatch", assume(client, f"arn:aws:iam::000000000000:role/{name}"))

    yield make
    for name in made:
        client("iam").delete_role_policy(RoleName=name, PolicyName="p")
        client("iam").delete_role(RoleName=name)


def test_alarms_that_are_named_are_the_resources(watcher: Callable[[str], Any]) -> None:
    cloudwatch = watcher("shop-5xx")
    assert cloudwatch.describe_alarms(AlarmNames=["shop-5xx"])["MetricAlarms"] == []
    for names in (["shop-latency"], ["shop-5xx", "shop-latency"]):
        with pytest.raises(ClientError, match=DENIED):
            cloudwatch.describe_alarms(AlarmNames=names)


def test_to_see_all_is_a_right_on_all(watcher: Callable[[str], Any]) -> None:
    with pytest.raises(ClientError, match=DENIED):
        watcher("shop-5xx").describe_alarms()
    assert "MetricAlarms" in watcher("*").describe_alarms()
