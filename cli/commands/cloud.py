"""sageloop up, env and down: the embedded AWS of this checkout."""

import shlex
from typing import Annotated

import typer

from cli import checkout, output
from cli.errors import CommandError
from cli.options import AsJson
from local import cloud

Speed = Annotated[
    float,
    typer.Option(
        envvar="SAGELOOP_SPEED",
        min=0.01,
        help="How many times faster AWS's own waits pass (rollouts, alarms, cooldowns).",
    ),
]


def up(speed: Speed = 1.0, as_json: AsJson = False) -> None:
    """Start the embedded AWS of this checkout, or find that it runs.

    Example:  sageloop up && sageloop deploy
    """
    with output.messages.status("Starting the embedded AWS ..."):
        running = cloud.start(checkout.state(), speed=speed)
    found = {"url": running.url, "account": running.account, "region": running.region, "pid": running.pid}
    view = (
        f"The embedded AWS runs at {running.url} (account {running.account}, {running.region}).\n"
        '[dim]Next: sageloop deploy. For other programs: eval "$(sageloop env)"[/dim]'
    )
    output.show(found, view, as_json=as_json)


def env(as_json: AsJson = False) -> None:
    """Print what makes any AWS client use the embedded AWS.

    Example:  eval "$(sageloop env)" && aws s3 ls
    """
    running = cloud.running(checkout.state())
    if running is None:
        raise CommandError("The embedded AWS does not run here: start it with `sageloop up`.")
    variables = running.environment()
    if as_json:
        output.show(variables, "", as_json=True)
        return
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")


def down(as_json: AsJson = False) -> None:
    """Stop the embedded AWS of this checkout and every process of it; its state stays for the next `up`.

    Example:  sageloop down
    """
    with output.messages.status("Stopping the embedded AWS ..."):
        stopped = cloud.stop(checkout.state())
    view = (
        "The embedded AWS has stopped; its state stays in .sageloop." if stopped else "Nothing was running."
    )
    output.show({"stopped": stopped}, view, as_json=as_json)
