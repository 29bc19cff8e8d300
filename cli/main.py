"""The sageloop command and its sub-commands."""

from collections.abc import Callable
from typing import Any

import typer
from rich.text import Text
from typer.core import TyperGroup

from cli import output
from cli.commands import (
    api,
    approve,
    cloud,
    deploy,
    diff,
    doctor,
    invoke,
    loadtest,
    logs,
    monitor,
    plan,
    quarantine,
    redrive,
    replay,
    report,
    retrain,
    rollback,
    run,
    runs,
    simulate,
    status,
    tuning,
    upload,
)
from cli.errors import explain


class Commands(TyperGroup):
    """Ends every command that fails with one sentence on stderr and its exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the sub-command."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            explained = None if _is_usage_error(error) else explain(error)
            if explained is None:
                raise
            output.messages.print(Text(str(explained), style="red"), soft_wrap=True)
            raise typer.Exit(explained.exit_code) from error


def _is_usage_error(error: Exception) -> bool:
    return hasattr(error, "exit_code") and hasattr(error, "format_message")


app = typer.Typer(
    name="sageloop",
    cls=Commands,
    help="Machine learning on SageMaker from one declaration, on a laptop and on AWS alike.",
    epilog="A first round:  sageloop up · sageloop deploy · sageloop upload data/*.csv · sageloop status",
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

COMMANDS: tuple[Callable[..., None], ...] = (
    cloud.up,
    deploy.deploy,
    upload.upload,
    status.status,
    runs.runs,
    run.run,
    diff.diff,
    tuning.tuning,
    report.report,
    logs.logs,
    approve.approve,
    rollback.rollback,
    invoke.invoke,
    api.api,
    plan.plan,
    loadtest.loadtest,
    simulate.simulate,
    monitor.monitor,
    retrain.retrain,
    replay.replay,
    redrive.redrive,
    doctor.doctor,
    cloud.env,
    cloud.down,
)
for command in COMMANDS:
    app.command()(command)
app.add_typer(quarantine.quarantine)


def main() -> None:
    """Run the command line; the entry point of the `sageloop` script."""
    app()
