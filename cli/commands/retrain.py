"""sageloop retrain: training on request."""

from typing import Annotated

import typer

from cli import caller, messages, output, projects, session
from cli.options import AsJson, ProjectName

Reason = Annotated[
    str, typer.Option("--reason", "-r", help="Why; the run and the news of it say so.", show_default=False)
]


def retrain(reason: Reason = "", project: ProjectName = None, as_json: AsJson = False) -> None:
    """Train now, without waiting for quiet or cooldown; still one run at a time.

    Example:  sageloop retrain --reason "new rules for late flights" && sageloop runs
    """
    aws = session.connect()
    found = projects.find(aws, project)
    request = messages.retrain_request(" ".join(reason.split()), caller.arn(aws))
    aws.client("sqs").send_message(
        QueueUrl=found.output("retraining", "RetrainQueueUrl"), MessageBody=request.body
    )
    view = f"Training of {found.name} is requested; follow it with `sageloop runs`."
    output.show({"project": found.name, "request": request.id}, view, as_json=as_json)
