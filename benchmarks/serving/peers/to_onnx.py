"""`python to_onnx.py MODEL.json MODEL.onnx`: a binary classification of XGBoost for ONNX Runtime.

https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsembleRegressor.html
"""

import json
import math
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import onnx  # type: ignore[import-not-found,unused-ignore]
from onnx import TensorProto, helper  # type: ignore[import-not-found,unused-ignore]


def main() -> None:
    """Convert."""
    source, target = map(Path, sys.argv[1:])
    learner = json.loads(source.read_text())["learner"]
    features = int(learner["learner_model_param"]["num_feature"])
    trees = learner["gradient_booster"]["model"]["trees"]
    share = float(str(learner["learner_model_param"]["base_score"]).strip("[]"))
    columns: dict[str, list[Any]] = defaultdict(list)
    for number, tree in enumerate(trees):
        _add(number, tree, columns)
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["rows"],
        ["margin"],
        domain="ai.onnx.ml",
        n_targets=1,
        base_values=[math.log(share / (1 - share))],
        **columns,
    )
    graph = helper.make_graph(
        # ONNX Runtime leaves the regressor's own LOGISTIC out.
        [node, helper.make_node("Sigmoid", ["margin"], ["probability"])],
        "trees",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, features])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, [None, 1])],
    )
    sets = [helper.make_opsetid("ai.onnx.ml", 3), helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=sets, ir_version=9), target)


def _add(number: int, tree: dict[str, Any], columns: dict[str, list[Any]]) -> None:
    for node, (left, right) in enumerate(zip(tree["left_children"], tree["right_children"], strict=True)):
        leaf = left == -1
        value = tree["split_conditions"][node]
        columns["nodes_treeids"].append(number)
        columns["nodes_nodeids"].append(node)
        columns["nodes_featureids"].append(0 if leaf else tree["split_indices"][node])
        columns["nodes_modes"].append("LEAF" if leaf else "BRANCH_LT")
        columns["nodes_values"].append(0.0 if leaf else float(value))
        columns["nodes_truenodeids"].append(0 if leaf else left)
        columns["nodes_falsenodeids"].append(0 if leaf else right)
        columns["nodes_missing_value_tracks_true"].append(0 if leaf else int(tree["default_left"][node]))
        if leaf:
            columns["target_treeids"].append(number)
            columns["target_nodeids"].append(node)
            columns["target_ids"].append(0)
            columns["target_weights"].append(float(value))


if __name__ == "__main__":
    main()
