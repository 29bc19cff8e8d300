"""The API requests of the steps; every job is isolated, in the network and encrypted, always."""

from pipelines.requests.job import Expression, Job
from pipelines.requests.model import ServedContainer, model
from pipelines.requests.package import Evidence, model_package
from pipelines.requests.processing import processing
from pipelines.requests.training import Channel, Patience, training
from pipelines.requests.transform import transform, transform_files
from pipelines.requests.tuning import Search, tuning

__all__ = [
    "Channel",
    "Evidence",
    "Expression",
    "Job",
    "Patience",
    "Search",
    "ServedContainer",
    "model",
    "model_package",
    "processing",
    "training",
    "transform",
    "transform_files",
    "tuning",
]
