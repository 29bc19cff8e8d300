"""Hyperparameter tuning jobs of the embedded SageMaker; the search is Optuna's."""

from local.sagemaker.tuning.tuning_jobs import TuningJobs

__all__ = ["TuningJobs"]
