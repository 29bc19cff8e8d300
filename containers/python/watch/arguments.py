"""What the job is told on its command line."""

import argparse
from dataclasses import dataclass
from typing import get_args

from tabular.contract import DataError
from tabular.schema import Problem, Schema


@dataclass(frozen=True)
class Arguments:
    """The project, and what it declares to predict: label files name the target as the declaration does."""

    project: str
    problem: Problem
    target: str

    def require(self, schema: Schema) -> None:
        """Raises DataError where the model in service predicts something else than the declaration says."""
        if (schema.problem, schema.target) != (self.problem, self.target):
            raise DataError(
                f"the model in service predicts {schema.target!r} ({schema.problem}), and the declaration "
                f"says {self.target!r} ({self.problem}): train and approve a model of the declaration first"
            )


def parse() -> Arguments:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="watch")
    parser.add_argument("--project", required=True)
    parser.add_argument("--problem", choices=get_args(Problem), required=True)
    parser.add_argument("--target", required=True)
    given = parser.parse_args()
    return Arguments(given.project, given.problem, given.target)
