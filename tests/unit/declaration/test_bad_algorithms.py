"""Wrong algorithms and hardware, each refused with one sentence."""

# What mypy sees is a mistake here on purpose.
# mypy: disable-error-code="arg-type,list-item,call-arg,dict-item"

from collections.abc import Callable
from pathlib import Path

import pytest

from declaration import (
    MLP,
    Container,
    Data,
    ElasticNet,
    Forecast,
    LightGBM,
    Linear,
    Project,
    RandomForest,
    Script,
    XGBoost,
)
from tests.unit.declaration.refusals import Bad, refused_with

HERE = Path(__file__)
DATA = Data("y")
RANKING = Data("y", problem="ranking", group="query")
SERIES = Data("y", problem="forecast", time="day")


def script(**fields: object) -> Script:
    return Script(HERE.name, **{"framework": "sklearn", **fields})


BAD: list[Bad] = [
    # Hyperparameters
    (lambda: XGBoost(gamma=-1), "XGBoost, gamma", "-1", "from 0 to 1,000,000", "gamma=0.0"),
    (lambda: XGBoost(max_bin=1), "XGBoost, max_bin", "1", "from 2 to 65,535", "max_bin=256"),
    (lambda: XGBoost(reg_lambda="1"), "XGBoost, reg_lambda", "'1'", "a number from 0", "reg_lambda=1.0"),
    (lambda: XGBoost(reg_alpha=-0.1), "XGBoost, reg_alpha", "-0.1", "a number from 0", "reg_alpha=0.0"),
    (lambda: XGBoost(min_child_weight=-2), "XGBoost, min_child_weight", "-2", "from 0", "_weight=1.0"),
    (lambda: XGBoost(n_estimators=9), "XGBoost, n_estimators", "9", "no such field", "mean rounds?"),
    (lambda: XGBoost(subsampel=0.5), "XGBoost, subsampel", "0.5", "no such field", "mean subsample?"),
    (lambda: XGBoost(seed=-1), "XGBoost, seed", "-1", "from 0 to 2,147,483,647", "seed=0"),
    (lambda: LightGBM(num_leaves=1), "LightGBM, num_leaves", "1", "from 2 to 131,072", "num_leaves=31"),
    (lambda: LightGBM(max_depth=0), "LightGBM, max_depth", "0", "-1 sets no limit", "max_depth=-1"),
    (lambda: LightGBM(max_depth=-2), "LightGBM, max_depth", "-2", "from -1 to 64", "max_depth=-1"),
    (lambda: LightGBM(eta=0.1), "LightGBM, eta", "0.1", "no such field", "mean learning_rate?"),
    (lambda: LightGBM(min_child_samples=5), "min_child_samples", "5", "no such", "mean min_data_in_leaf?"),
    (lambda: LightGBM(feature_fraction=1.5), "feature_fraction", "1.5", "at most 1", "feature_fraction=1.0"),
    (lambda: LightGBM(rounds=5), "LightGBM, early_stopping", "20", "at most rounds, which is 5", "lower it"),
    (lambda: LightGBM(31), "LightGBM, value 1", "31", "by name: rounds, num_leaves", "rounds=31"),
    (lambda: ElasticNet(l1_ratio=2), "ElasticNet, l1_ratio", "2", "from 0 to 1", "l1_ratio=0.15"),
    (lambda: ElasticNet(alpha=-1), "ElasticNet, alpha", "-1", "from 0 to", "alpha=0.0001"),
    (lambda: ElasticNet(C=1.0), "ElasticNet, C", "1.0", "it has alpha, l1_ratio", "leave C out"),
    (lambda: RandomForest(trees=0), "RandomForest, trees", "0", "from 1 to 10,000", "trees=300"),
    (lambda: RandomForest(max_depth=31), "RandomForest, max_depth", "31", "from 1 to 30", "max_depth=16"),
    (lambda: RandomForest(eta=0.1), "RandomForest, eta", "0.1", "it has trees, max_depth", "leave eta out"),
    (lambda: MLP(hidden_layers=[64, 64]), "MLP, hidden_layers", "[64, 64]", "from 1 to 16", "_layers=2"),
    (lambda: MLP(epochs=5), "MLP, early_stopping", "10", "at most epochs, which is 5", "raise epochs"),
    (lambda: MLP(learning_rate=0), "MLP, learning_rate", "0", "greater than 0", "learning_rate=0.001"),
    (lambda: MLP(batch_size=0), "MLP, batch_size", "0", "from 1 to 65,536", "batch_size=256"),
    (lambda: Forecast(horizon=0), "Forecast, horizon", "0", "from 1 to 10,000", "horizon=12"),
    (lambda: Forecast(24), "Forecast, value 1", "24", "by name: horizon", "horizon=24"),
    # Hardware
    (lambda: XGBoost(on="tpu"), "XGBoost, on", "'tpu'", "'cpu' or 'gpu'", "'gpu'?"),
    (lambda: LightGBM(on="gpu"), "LightGBM, on", "'gpu'", "learns on CPUs alone", 'on="cpu"'),
    (lambda: ElasticNet(instance="ml.g5.xlarge"), "instance", "'ml.g5.xlarge'", "on CPUs alone", "without a"),
    (lambda: XGBoost(memory_gb=4000), "XGBoost, memory_gb", "4000", "largest instance with CPUs", "=512"),
    (lambda: XGBoost(on="gpu", memory_gb=5000), "memory_gb", "5000", "largest instance with a GPU", "=1152"),
    (lambda: XGBoost(memory_gb=0), "XGBoost, memory_gb", "0", "from 1 to 24,576", "memory_gb=64"),
    (lambda: XGBoost(memory_gb="64 GB"), "memory_gb", "'64 GB'", "a whole number", "memory_gb=64"),
    (lambda: XGBoost(instances=4), "XGBoost, instances", "4", "learns on one instance", "state memory_gb"),
    (lambda: XGBoost(instances=0), "XGBoost, instances", "0", "from 1 to 100", "instances=1"),
    (
        lambda: XGBoost(instance="ml.m5.large", memory_gb=8),
        "XGBoost, memory_gb",
        "8",
        "the instance is already named (ml.m5.large)",
        "leave memory_gb or instance out",
    ),
    (
        lambda: XGBoost(instance="ml.m5.large", on="gpu"),
        "XGBoost, instance",
        "'ml.m5.large'",
        "no GPU, which on='gpu' asks for",
        "name a GPU type",
    ),
    (lambda: XGBoost(instance="ml.trn1.2xlarge"), "instance", "trn1", "need x86-64 CPUs", "did you mean"),
    (lambda: XGBoost(instance="ml.g5.xlrage"), "instance", "xlrage", "ml.g5", "did you mean 'ml.g5.xlarge'?"),
    (lambda: XGBoost(spot=True, keep_alive="9 min"), "spot", "True", "cannot be kept alive", "leave spot or"),
    (lambda: XGBoost(spot="yes"), "XGBoost, spot", "'yes'", "True or False", "spot=True"),
    (lambda: XGBoost(keep_alive="2 h"), "keep_alive", "'2 h'", "from 1 min to 1 h", "the nearest is '1 h'"),
    (lambda: XGBoost(keep_alive=600), "keep_alive", "600", "from 1 min to 1 h", "keep_alive='10 min'"),
    # Programs of the user's own
    (lambda: Script("train.py"), "Script, framework", "nothing", "'pytorch'", "framework='sklearn'"),
    (lambda: Script(framework="sklearn"), "Script, source", "nothing", "a text", "source='train.py'"),
    (lambda: Script("trian.py", framework="sklearn"), "source", "'trian.py'", "no such file in", "folder of"),
    (lambda: Script("train.R", framework="sklearn"), "source", "'train.R'", "a Python file", "'train.py'"),
    (lambda: Script("train.py", "sklearn"), "value 2", "'sklearn'", "by name: source, fr", "framework='sk"),
    (lambda: script(framework="sklern"), "Script, framework", "'sklern'", "'xgboost'", "mean 'sklearn'?"),
    (lambda: script(framework="mxnet"), "Script, framework", "'mxnet'", "'huggingface'", "'sklearn'"),
    (lambda: script(version=1.4), "Script, version", "1.4", "a text", "version='1.4-2'"),
    (
        lambda: script(requirements="none.txt"),
        "requirements",
        "'none.txt'",
        "no such field",
        "leave requirem",
    ),
    (
        lambda: script(hyperparameters={"C": 1.0}),
        "Script, hyperparameters",
        "'C'",
        "as -C, not as",
        "write it",
    ),
    (lambda: script(hyperparameters={"a": [1]}), "hyperparameters['a']", "[1]", "a text", '{"epochs": 10}'),
    (lambda: script(hyperparameters=5), "Script, hyperparameters", "5", "a dict of names", '{"epochs": 10}'),
    (lambda: script(hyperparameters={1: 2}), "hyperparameters[1]", "1", "a text", '{"epochs": 10}'),
    (
        lambda: script(hyperparameters={"a b": 2}),
        "hyperparameters",
        "'a b'",
        "starts with a letter",
        "rename",
    ),
    (
        lambda: script(hyperparameters={"sagemaker_program": "x"}),
        "Script, hyperparameters",
        "'sagemaker_program'",
        "SageMaker's own settings start",
        "rename it",
    ),
    (
        lambda: script(hyperparameters={"a": "x" * 2501}),
        "Script, hyperparameters['a']",
        "2,501 characters",
        "at most 2,500 characters",
        "shorten it",
    ),
    (
        lambda: script(hyperparameters={f"a{i}": i for i in range(101)}),
        "Script, hyperparameters",
        "101 of them",
        "takes at most 100",
        "put some into the program",
    ),
    (lambda: script(checkpoints="no"), "Script, checkpoints", "'no'", "True or False", "checkpoints=False"),
    (Container, "Container, source", "nothing", "a text", "source='container'"),
    (lambda: Container("nowhere"), "source", "'nowhere'", "no Dockerfile in", "from the folder of app.py"),
    (
        lambda: Container("r/Dockerfile"),
        "source",
        "'Dockerfile'",
        "the folder of the Dockerfile",
        "leave the",
    ),
    # Algorithms and what they are to learn
    (lambda: Project("p", data=DATA, train=Linear()), "train", "Linear(", "moves traffic", "ElasticNet()?"),
    (lambda: Project("p", data=DATA, train=XGBoost), "train", "XGBoost", "XGBoost(...)", "train=XGBoost()"),
    (lambda: Project("p", data=DATA, train="mlp"), "train", "'mlp'", "MLP(...)", "did you mean MLP(...)?"),
    (
        lambda: Project("p", data=DATA, train=Forecast()),
        'Project "p", train',
        "Forecast(...)",
        "learns time series and the problem is binary",
        'problem="forecast"',
    ),
    (
        lambda: Project("p", data=SERIES, train=LightGBM()),
        'Project "p", train',
        "LightGBM(...)",
        "a forecast problem is learnt by Forecast()",
        "train=Forecast()",
    ),
    (
        lambda: Project("p", data=SERIES, train=script()),
        'Project "p", train',
        "Script(...)",
        "a forecast problem is learnt by Forecast()",
        "train=Forecast()",
    ),
    *(
        (
            lambda train=train: Project("p", data=RANKING, train=train),
            'Project "p", train',
            f"{type(train).__name__}(...)",
            "a ranking problem is learnt by XGBoost() or LightGBM()",
            "train=XGBoost()",
        )
        for train in (ElasticNet(), RandomForest(), MLP(), Forecast())
    ),
    (
        lambda: Project("p", data=Data("y", volume_gb=500), train=XGBoost(on="gpu")),
        'Project "p", data.volume_gb',
        "500",
        "ml.g4dn.xlarge, which trains, has local disks of 125 GB alone",
        "volume_gb=125",
    ),
]


@pytest.mark.parametrize(
    ("declare", "where", "given", "rule", "fix"), BAD, ids=[f"{i}-{bad[1]}" for i, bad in enumerate(BAD)]
)
def test_refused_with_one_sentence(
    declare: Callable[[], object], where: str, given: str, rule: str, fix: str
) -> None:
    refused_with(declare, where, given, rule, fix)
