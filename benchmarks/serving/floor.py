"""The floor under every server: an epoll loop in C with the trees of the model compiled into it."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.serving import compiler
from benchmarks.serving.paths import STATE

_SOURCE = Path(__file__).with_name("native") / "floor.c"


def program(model: Mapping[str, Any]) -> Path:
    """The server for a model that is parsed from XGBoost's JSON; raises NoCompilerError."""
    generated = STATE / "bin" / "trees.c"
    text = source(model)
    if not generated.is_file() or generated.read_text() != text:
        generated.parent.mkdir(parents=True, exist_ok=True)
        generated.write_text(text)
    features = int(model["learner"]["learner_model_param"]["num_feature"])
    return compiler.build("floor", [_SOURCE, generated], f"-DFEATURES={features}")


def source(model: Mapping[str, Any]) -> str:
    """The trees of a binary classification on numbers without holes, as a C function `margin`.

    https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html has the format.
    """
    learner = model["learner"]
    if learner["objective"]["name"] != "binary:logistic":
        raise ValueError(f"the floor knows binary:logistic only, not {learner['objective']['name']}")
    trees = learner["gradient_booster"]["model"]["trees"]
    functions = [
        f"static float t{place}(const float *x) {{\n{_node(tree, 0)}}}\n" for place, tree in enumerate(trees)
    ]
    calls = "".join(f"  s += t{place}(x);\n" for place in range(len(trees)))
    share = float(str(learner["learner_model_param"]["base_score"]).strip("[]"))
    start = _literal(math.log(share / (1 - share)))
    return "\n".join(
        [*functions, f"float margin(const float *x) {{\n  float s = {start};\n{calls}  return s;\n}}\n"]
    )


def _node(tree: Mapping[str, Any], node: int) -> str:
    left, right = tree["left_children"][node], tree["right_children"][node]
    value = _literal(tree["split_conditions"][node])
    if left == -1:
        return f"return {value};\n"
    feature = tree["split_indices"][node]
    return f"if (x[{feature}] < {value}) {{\n{_node(tree, left)}}} else {{\n{_node(tree, right)}}}\n"


def _literal(value: float) -> str:
    return f"{float(value).hex()}f"


def parsed(raw: bytes) -> dict[str, Any]:
    """XGBoost's JSON."""
    found: dict[str, Any] = json.loads(raw)
    return found
