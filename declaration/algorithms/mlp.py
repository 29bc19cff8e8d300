"""Neural networks for tables."""

from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY
from typing import Annotated, ClassVar

from pydantic import Field

from declaration.algorithms.boosting import early_stopping_problems
from declaration.algorithms.learner import Learner, Penalty, Program, Rounds, Seed, Share
from declaration.errors import Problem
from declaration.ranges import Continuous, Integer, Range
from declaration.value import declared


@declared
class MLP(Learner):
    """A neural network of `hidden_layers` layers with `hidden_size` units each, trained by Adam.

    Training stops after `early_stopping` epochs without a better validation score, at most after `epochs`;
    `alpha` is the weight of the L2 penalty, as in scikit-learn.
    https://scikit-learn.org/stable/modules/neural_networks_supervised.html
    """

    program: ClassVar[Program] = "mlp"
    gpus: ClassVar[bool] = False
    resumes: ClassVar[bool] = True
    # Within Grinsztajn, Oyallon & Varoquaux (2022; 1 to 8 layers of 16 to 1,024 units, learning rate 1e-5 to
    # 1e-2, log) and Gorishniy et al., "Revisiting Deep Learning Models for Tabular Data" (2021; weight decay
    # 1e-6 to 1e-3, log): what a CPU learns in `epochs`.
    ranges: ClassVar[Mapping[str, Range]] = {
        "hidden_layers": Integer(1, 4),
        "hidden_size": Integer(16, 512, scale="log"),
        "learning_rate": Continuous(1e-4, 1e-2, scale="log"),
        "alpha": Continuous(1e-6, 1e-3, scale="log"),
    }

    _: KW_ONLY
    hidden_layers: Annotated[int, Field(ge=1, le=16)] = 2
    hidden_size: Annotated[int, Field(ge=1, le=8_192)] = 128
    alpha: Penalty = 0.0001
    learning_rate: Share = 0.001
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 256
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 100
    early_stopping: Rounds = 10
    seed: Seed = 0

    def problems(self) -> Iterator[Problem]:
        """Hyperparameters or hardware that contradict each other."""
        yield from super().problems()
        yield from early_stopping_problems("MLP", self.early_stopping, self.epochs, unit="epochs")
