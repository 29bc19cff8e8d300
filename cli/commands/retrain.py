"""sageloop retrain: training on request."""

import json
import uuid

from cli import output, projects, session
from cli.options import AsJson, ProjectName


def retrain(project: ProjectName = None, as_json: AsJson = False) -> None:
    """Train now, without waiting for quiet or cooldown; still one run at a time.

    Example:  sageloop retrain && sageloop runs
    """
    aws = session.connect()
    found = projects.find(aws, project)
    request = {"source": "sageloop", "detail-type": "Retrain Requested", "id": str(uuid.uuid4())}
    aws.client("sqs").send_message(
        QueueUrl=found.output("retraining", "RetrainQueueUrl"), MessageBody=json.dumps(request)
    )
    view = f"Training of {found.name} is requested; follow it with `sageloop runs`."
    output.show({"project": found.name, "request": request["id"]}, view, as_json=as_json)
