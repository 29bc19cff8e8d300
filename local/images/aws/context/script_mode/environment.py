"""What a training script is told: SM_* variables and `--name value` arguments.

Equal, variable by variable, to what sagemaker-training 5.1.4 sets on one host without accelerators.
https://github.com/aws/sagemaker-training-toolkit/blob/master/ENVIRONMENT_VARIABLES.md
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .contract import BASE, ClientError

_TUNING_METRIC = "_tuning_objective_metric"
# Settings of the toolkit; any other that starts with sagemaker_ is the framework's.
_OWN_SETTINGS = {
    f"sagemaker_{name}"
    for name in (
        "program",
        "submit_directory",
        "enable_cloudwatch_metrics",
        "region",
        "container_log_level",
        "job_name",
        "s3_output",
    )
}
_INFO = 20


@dataclass(frozen=True)
class Environment:
    """A training job; `settings` are the hyperparameters that start with sagemaker_."""

    settings: Mapping[str, Any]
    hyperparameters: Mapping[str, Any]
    resources: Mapping[str, Any]
    channels: Mapping[str, Any]

    @classmethod
    def read(cls) -> "Environment":
        """The job of /opt/ml/input/config."""
        given = {name: _decoded(text) for name, text in _configuration("hyperparameters").items()}
        settings = {name: value for name, value in given.items() if name.startswith("sagemaker_")}
        hyperparameters = {n: v for n, v in given.items() if n not in settings and n != _TUNING_METRIC}
        return cls(
            settings, hyperparameters, _configuration("resourceconfig"), _configuration("inputdataconfig")
        )

    @property
    def program(self) -> str:
        """The script's path in its folder; raises ClientError if there is none."""
        program = self.settings.get("sagemaker_program")
        if not isinstance(program, str):
            raise ClientError(
                "The hyperparameter sagemaker_program, which names the training script, is missing; this "
                "stand-in for AWS's image runs scripts, and no algorithm of its own."
            )
        return program

    @property
    def submit_directory(self) -> str:
        """Where the script's folder comes from: an S3 URI, a local archive or a local folder."""
        return str(self.settings.get("sagemaker_submit_directory", BASE / "code"))

    def arguments(self) -> list[str]:
        """The hyperparameters in the order of their names; a name of one letter gets one dash."""
        return [
            word
            for name, value in sorted(self.hyperparameters.items())
            for word in (f"--{name}" if len(name) > 1 else f"-{name}", _argument(value))
        ]

    def variables(self) -> dict[str, str]:
        """The SM_* variables."""
        facts = self._facts()
        paths: dict[str, str] = facts["channel_input_dirs"]
        shown = {name: value for name, value in facts.items() if name in _SHOWN}
        values = {
            **shown,
            "hps": self.hyperparameters,
            "framework_params": facts["additional_framework_parameters"],
            "channels": sorted(paths),
            "training_env": facts,
            "user_args": self.arguments(),
            **{f"channel_{name}": path for name, path in paths.items()},
            **{f"hp_{name}": value for name, value in self.hyperparameters.items()},
        }
        told = {f"SM_{name.upper()}": _variable(value) for name, value in values.items()}
        return told | {"SAGEMAKER_JOB_NAME": str(self.settings.get("sagemaker_job_name", ""))}

    def _facts(self) -> dict[str, Any]:
        host = self.resources["current_host"]
        instance = self.resources.get("current_instance_type", "local")
        name = self.resources.get("current_group_name", "homogeneousCluster")
        groups = {group["instance_group_name"]: group for group in self.resources.get("instance_groups", [])}
        return {
            **self._places(),
            "additional_framework_parameters": {
                name: value for name, value in self.settings.items() if name not in _OWN_SETTINGS
            },
            "current_host": host,
            "current_instance_group": name,
            "current_instance_group_hosts": groups.get(name, {}).get("hosts", []),
            "current_instance_type": instance,
            "distribution_hosts": [],
            "distribution_instance_groups": [],
            "framework_module": None,
            "hosts": self.resources["hosts"],
            "hyperparameters": self.hyperparameters,
            "input_data_config": self.channels,
            "instance_groups": list(groups),
            "instance_groups_dict": groups,
            "is_hetero": len(groups) > 1,
            "is_master": True,
            "is_modelparallel_enabled": None,
            "is_smddpmprun_installed": False,
            "is_smddprun_installed": False,
            "job_name": os.environ.get("TRAINING_JOB_NAME"),
            "log_level": self.settings.get("sagemaker_container_log_level", _INFO),
            "master_hostname": host,
            "module_dir": self.submit_directory,
            "module_name": self.program.removesuffix(".py"),
            "network_interface_name": self.resources.get("network_interface_name", "eth0"),
            "num_cpus": os.cpu_count(),
            "num_gpus": 0,
            "num_neurons": 0,
            "resource_config": self.resources,
            "topology": [],
            "user_entry_point": self.program,
        }

    def _places(self) -> dict[str, Any]:
        return {
            "channel_input_dirs": {name: str(BASE / "input/data" / name) for name in self.channels},
            "input_config_dir": str(BASE / "input/config"),
            "input_dir": str(BASE / "input"),
            "model_dir": str(BASE / "model"),
            "output_data_dir": str(BASE / "output/data"),
            "output_dir": str(BASE / "output"),
            "output_intermediate_dir": str(BASE / "output/intermediate"),
        }


# The facts that are variables of their own; SM_TRAINING_ENV has them all.
_SHOWN = {
    "current_host",
    "current_instance_group",
    "current_instance_group_hosts",
    "current_instance_type",
    "distribution_instance_groups",
    "framework_module",
    "hosts",
    "input_config_dir",
    "input_data_config",
    "input_dir",
    "instance_groups",
    "instance_groups_dict",
    "is_hetero",
    "log_level",
    "model_dir",
    "module_dir",
    "module_name",
    "network_interface_name",
    "num_cpus",
    "num_gpus",
    "num_neurons",
    "output_data_dir",
    "output_dir",
    "output_intermediate_dir",
    "resource_config",
    "user_entry_point",
}


def _configuration(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((BASE / "input/config" / f"{name}.json").read_text())
    return content


def _decoded(text: str) -> Any:
    """The value of a hyperparameter: JSON if it is that, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _argument(value: Any) -> str:
    if isinstance(value, dict):
        return ",".join(f"{name}={each}" for name, each in sorted(value.items()))
    return "" if value is None else str(value)


def _variable(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
