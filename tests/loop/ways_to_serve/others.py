"""The other ways to serve one model, in a network and with a key that they share."""

from declaration import Batch, Client, Data, Endpoint, Project, Rolling, Serverless
from declaration.project import Served
from stacks import deploy


def penguins(name: str, endpoint: Served) -> Project:
    """A project that differs from the others in how it serves."""
    return Project(
        name=name, data=Data(target="sex"), endpoint=endpoint, network="others", key="others", retain=False
    )


deploy(
    penguins(
        "sold",
        Endpoint(
            calls_per_minute=600,
            clients=[
                Client("desk", calls_per_minute=600),
                Client("till", calls_per_minute=600, calls_per_day=2),
            ],
        ),
    ),
    penguins(
        "busy",
        Endpoint(
            calls_per_minute=6_000,
            calls_per_instance=3_000,
            p99_ms=200,
            scale_on="concurrency",
            busy="daily 0-24",
            rollout=Rolling(percent=50, wait="1 min"),
        ),
    ),
    penguins("asleep", Endpoint(calls_per_minute=600, scale_to_zero=True)),
    penguins("files", Batch()),
    penguins("bare", Serverless(calls_per_minute=60, latency_ms=50, warm=1)),
)
