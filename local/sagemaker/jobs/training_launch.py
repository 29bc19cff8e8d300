"""The container of a training job."""

from local.sagemaker.context import Context
from local.sagemaker.jobs import spot
from local.sagemaker.jobs.runner import Launch, credentials
from local.sagemaker.store import Record


def launch_of(context: Context, record: Record, used: float) -> Launch:
    """What a training job runs that has used so many seconds on instances that are gone."""
    algorithm, role = record["AlgorithmSpecification"], record["RoleArn"]
    network = not record["EnableNetworkIsolation"]
    return Launch(
        image=algorithm["TrainingImage"],
        entrypoint=algorithm.get("ContainerEntrypoint"),
        # Without an entrypoint of the request the image runs as `docker run IMAGE train`.
        command=algorithm.get("ContainerArguments", [] if "ContainerEntrypoint" in algorithm else ["train"]),
        environment={
            **credentials(context, role, network),
            "TRAINING_JOB_NAME": record["TrainingJobName"],
            "TRAINING_JOB_ARN": record["TrainingJobArn"],
            **record.get("Environment", {}),
        },
        network=network,
        instance_type=record["ResourceConfig"]["InstanceType"],
        role=role,
        max_seconds=spot.seconds_left(record, used),
        interrupt_after=spot.interruption(record, context.spot_interruption_seconds),
    )
