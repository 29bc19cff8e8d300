"""Pipelines: the deployed definition, interpreted; every step calls the API as the pipeline's role."""

from local.sagemaker.pipelines.catalog import Pipelines
from local.sagemaker.pipelines.executions import Executions

__all__ = ["Executions", "Pipelines"]
