"""The catalogue of first-party algorithms against what was read, by eye, on AWS's pages."""

import re
from typing import Any

import pytest

from declaration.builtin import BuiltIn, Channel, catalog
from declaration.errors import Refusal
from declaration.ranges import Categorical, Continuous, Integer
from tests.unit.declaration.builtin_samples import BUCKET, built

# https://docs.aws.amazon.com/sagemaker/latest/dg/common-info-all-im-models.html and each algorithm's page.
REQUIRED: dict[str, set[str]] = {
    "autogluon-tabular": set(),
    "blazingtext": {"mode"},
    "catboost": set(),
    "factorization-machines": {"feature_dim", "num_factors", "predictor_type"},
    "forecasting-deepar": {"context_length", "epochs", "prediction_length", "time_freq"},
    "image-classification": {"num_classes", "num_training_samples"},
    "image-classification-tensorflow": set(),
    "ipinsights": {"num_entity_vectors", "vector_dim"},
    "kmeans": {"feature_dim", "k"},
    "knn": {"feature_dim", "k", "predictor_type", "sample_size"},
    "lda": {"num_topics", "feature_dim", "mini_batch_size"},
    "lightgbm": set(),
    "linear-learner": {"predictor_type"},
    "ntm": {"feature_dim", "num_topics"},
    "object-detection": {"num_classes", "num_training_samples"},
    "object-detection-tensorflow": set(),
    "object2vec": {"enc0_max_seq_len", "enc0_vocab_size"},
    "pca": {"feature_dim", "mini_batch_size", "num_components"},
    "randomcutforest": {"feature_dim"},
    "semantic-segmentation": {"num_classes", "num_training_samples"},
    "seq2seq": set(),
    "tabtransformer": set(),
    "text-classification-tensorflow": set(),
    "xgboost": {"num_round"},
}
REQUIRED_CHANNELS = {
    "image-classification": {"train", "validation"},
    "object-detection": {"train", "validation"},
    "semantic-segmentation": {"train", "train_annotation", "validation", "validation_annotation"},
    "seq2seq": {"train", "validation", "vocab"},
}
# Algorithm, hyperparameter, what its page allows, what it does not, and its default there.
PAGES: list[tuple[str, str, list[Any], list[Any], Any]] = [
    ("blazingtext", "vector_dim", [1, 100], [0, 1.5], 100),
    ("blazingtext", "min_count", [0], [-1], 5),
    ("blazingtext", "sampling_threshold", [0.0001], [0], 0.0001),
    ("factorization-machines", "bias_lr", [0, 1e-8], [-1e-8], 0.1),
    ("factorization-machines", "clip_gradient", [-1.5], ["x"], None),
    ("factorization-machines", "linear_wd", [0], [-1], 0.001),
    ("forecasting-deepar", "time_freq", ["M", "5min", "12H", "W"], ["5s", "hourly", ""], None),
    ("forecasting-deepar", "likelihood", ["student-T", "deterministic-L1"], ["normal"], "student-T"),
    ("forecasting-deepar", "cardinality", ["auto", "ignore", "", [2, 3]], ["none", [0]], "auto"),
    (
        "forecasting-deepar",
        "test_quantiles",
        [[0.1, 0.9]],
        [0.5],
        (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
    ),
    ("forecasting-deepar", "mini_batch_size", [1, 128], [0], 128),
    ("image-classification", "num_layers", [18, 20, 152, 200], [19, 0], 152),
    ("image-classification", "image_shape", ["3,224,224"], ["224", [3, 224, 224]], "3,224,224"),
    ("image-classification", "learning_rate", [0, 1], [1.1, -0.1], 0.1),
    ("image-classification", "top_k", [2], [1], None),
    ("ipinsights", "num_entity_vectors", [1, 250_000_000], [0, 250_000_001], None),
    ("ipinsights", "vector_dim", [4, 4096], [3, 4097], None),
    ("ipinsights", "learning_rate", [1e-6, 10.0], [0.9e-6, 10.1], 0.001),
    ("ipinsights", "mini_batch_size", [1, 500_000], [0, 500_001], 10_000),
    ("kmeans", "local_lloyd_tol", [0, 1], [-0.1, 1.1], 0.0001),
    ("kmeans", "extra_center_factor", ["auto", 1], [0, "best"], "auto"),
    ("kmeans", "eval_metrics", [["msd"], ["msd", "ssd"]], [["mse"]], ("msd",)),
    ("kmeans", "half_life_time_size", [0], [-1], 0),
    ("knn", "index_type", ["faiss.Flat", "faiss.IVFPQ"], ["faiss.HNSW"], "faiss.Flat"),
    ("knn", "faiss_index_pq_m", [1, 12, 96], [5, 97], None),
    ("lda", "alpha0", [0.1], [0], 1.0),
    ("lda", "tol", [1e-8], [0], 1e-8),
    ("linear-learner", "num_classes", [3, 1_000_000], [2, 1_000_001], None),
    ("linear-learner", "wd", ["auto", 0], [-1], "auto"),
    ("linear-learner", "learning_rate", ["auto", 0.1], [0], "auto"),
    ("linear-learner", "positive_example_weight_mult", ["balanced", "auto", 2.5], [0], 1.0),
    ("linear-learner", "optimizer", ["auto", "adam", "sgd", "rmsprop"], ["adagrad"], "auto"),
    ("linear-learner", "normalize_label", ["auto", True, False], ["yes"], "auto"),
    ("linear-learner", "loss", ["quantile_loss", "huber_loss"], ["mse"], "auto"),
    ("ntm", "feature_dim", [1, 1_000_000], [0, 1_000_001], None),
    ("ntm", "num_topics", [2, 1000], [1, 1001], None),
    ("ntm", "tolerance", [1e-6, 0.1], [0, 0.2], 0.001),
    ("ntm", "encoder_layers", ["auto", [100, 50]], [[0]], "auto"),
    ("object-detection", "image_shape", [300, 512], [299], 300),
    ("object-detection", "nms_threshold", [0.45, 1], [0, 1.1], 0.45),
    ("object-detection", "base_network", ["vgg-16", "resnet-50"], ["vgg16"], "vgg-16"),
    ("object2vec", "enc0_vocab_size", [2, 3_000_000], [1, 3_000_001], None),
    ("object2vec", "mlp_layers", [0, 10], [-1, 11], 2),
    ("object2vec", "early_stopping_patience", [1, 5], [0, 6], 3),
    (
        "object2vec",
        "comparator_list",
        [["hadamard"], ["concat", "abs_diff"]],
        [["dot"]],
        ("hadamard", "concat", "abs_diff"),
    ),
    ("pca", "extra_components", [-1, 0, 5], [-2], -1),
    ("pca", "algorithm_mode", ["regular", "randomized"], ["full"], "regular"),
    ("randomcutforest", "num_trees", [50, 1000], [49, 1001], 100),
    ("randomcutforest", "num_samples_per_tree", [1, 2048], [0, 2049], 256),
    ("randomcutforest", "feature_dim", [1, 10_000], [0, 10_001], None),
    ("semantic-segmentation", "num_classes", [2, 254], [1, 255], None),
    ("semantic-segmentation", "algorithm", ["fcn", "psp", "deeplab"], ["unet"], "fcn"),
    ("semantic-segmentation", "crop_size", [17], [16], 240),
    ("semantic-segmentation", "learning_rate", [1], [0], 0.001),
    ("seq2seq", "rnn_num_hidden", [2, 1024], [3, 0], 1024),
    ("seq2seq", "optimized_metric", ["perplexity", "accuracy", "bleu"], ["loss"], "perplexity"),
    ("xgboost", "eta", [0, 1], [-0.1, 1.1], 0.3),
    ("xgboost", "tweedie_variance_power", [1.5], [1, 2], 1.5),
    ("xgboost", "tree_method", ["auto", "gpu_hist"], ["fast"], "auto"),
    ("xgboost", "eval_metric", [["auc", "error@0.7"], "logloss"], ["acu", ["auc@0.5"]], None),
    ("xgboost", "num_round", [1], [0], None),
    ("catboost", "max_leaves", [2, 64], [1, 65], 31),
    ("lightgbm", "boosting", ["gbdt", "rf", "dart", "goss"], ["gbt"], "gbdt"),
    ("tabtransformer", "input_dim", [16, 512], [17], 32),
    ("autogluon-tabular", "num_bag_sets", [1, 20], [0, 21], 1),
    ("text-classification-tensorflow", "optimizer", ["adamw"], ["nag"], "adam"),
]


@pytest.mark.parametrize("name", catalog.names())
def test_the_required_hyperparameters_and_channels(name: str) -> None:
    algorithm = found(name)
    required = {key for key, each in algorithm.hyperparameters.items() if each.required}
    assert required == REQUIRED[name]
    channels = {key for key, each in algorithm.channels.items() if each.required}
    train = "training" if algorithm.jumpstart and name != "lightgbm" else "train"
    assert channels == REQUIRED_CHANNELS.get(name, {train})


@pytest.mark.parametrize(("name", "key", "legal", "illegal", "default"), PAGES)
def test_a_hyperparameter_is_as_on_its_page(
    name: str, key: str, legal: list[Any], illegal: list[Any], default: Any
) -> None:
    hyperparameter = found(name).hyperparameters[key]
    for value in legal:
        hyperparameter.write(value)
    for value in illegal:
        with pytest.raises(Refusal):
            hyperparameter.write(value)
    assert hyperparameter.default == default


@pytest.mark.parametrize("name", catalog.names())
def test_the_data_agree_with_themselves(name: str) -> None:
    algorithm = found(name)
    for page in algorithm.pages:
        assert re.fullmatch(r"https://docs\.aws\.amazon\.com/sagemaker/latest/dg/[\w-]+\.html", page)
    for key, each in algorithm.hyperparameters.items():
        if each.default is not None:
            assert each.write(each.default) is not None, key
        for condition in (each.required_if, each.only_if):
            assert set(condition or {}) <= set(algorithm.hyperparameters)
        assert each.required_with_channel is None or each.required_with_channel in algorithm.channels
    for key, tunable in algorithm.tuning.items():
        recommended, legal = tunable.range, algorithm.hyperparameters[key]
        ends = (
            recommended.values
            if isinstance(recommended, Categorical)
            else (recommended.low, recommended.high)
        )
        for end in ends:
            legal.write(end)
    for problem, condition in algorithm.problems.items():
        assert problem in {"binary", "multiclass", "regression", "ranking"}
        assert set(condition) <= set(algorithm.hyperparameters)


def test_recommended_ranges_are_those_of_the_tuning_pages() -> None:
    linear = built("linear-learner", {"use_bias": True}).ranges
    assert linear == {
        "wd": Continuous(1e-7, 1, "log"),
        "l1": Continuous(1e-7, 1, "log"),
        "learning_rate": Continuous(1e-5, 1, "log"),
        "mini_batch_size": Integer(100, 5000),
        "positive_example_weight_mult": Continuous(1e-5, 1e5, "log"),
    }
    assert "positive_example_weight_mult" not in built("linear-learner, classes").ranges
    assert built("linear-learner").ranges["use_bias"] == Categorical("true", "false")
    assert built("knn").ranges == {
        "k": Integer(1, 1024, "log"),
        "sample_size": Integer(256, 20_000_000, "log"),
    }
    assert built("xgboost").ranges["eta"] == Continuous(0.1, 0.5)
    assert built("xgboost").ranges["num_round"] == Integer(1, 4000)
    assert built("randomcutforest").ranges["num_trees"] == Integer(50, 1000)
    assert not built("pca").ranges


def test_a_range_that_hangs_on_a_tuned_choice_waits_until_that_is_made() -> None:
    assert "momentum" not in built("seq2seq").ranges
    assert built("seq2seq", {"optimizer_type": "sgd"}).ranges["momentum"] == Continuous(0.5, 0.9)
    words, supervised = built("blazingtext, words").ranges, built("blazingtext").ranges
    assert "window_size" in words.keys() - supervised.keys()
    assert supervised["word_ngrams"] == Integer(1, 3)


def test_metrics_and_the_one_to_tune_by() -> None:
    assert built("kmeans").metrics == {"test:msd": "minimize", "test:ssd": "minimize"}
    assert built("knn").metrics == {"test:accuracy": "maximize"}
    assert built("forecasting-deepar").metrics["test:RMSE"] == "minimize"
    assert built("linear-learner").metrics["validation:roc_auc_score"] == "maximize"
    assert "validation:rmse" not in built("linear-learner").metrics
    assert built("xgboost").objective == "validation:logloss"
    assert built("xgboost", {"objective": "reg:squarederror"}).objective == "validation:rmse"
    assert (
        built("object2vec", {"output_layer": "mean_squared_error"}).objective
        == "validation:mean_squared_error"
    )
    assert built("pca").objective is None
    assert re.search(built("lightgbm").metric_definitions["auc"], "[10] valid auc: 0.71")
    assert not built("xgboost").metric_definitions


def test_a_loss_is_never_maximized() -> None:
    for name in catalog.names():
        for metric, each in found(name).metrics.items():
            if re.search(r"loss|rmse|error|mse|mae|perplexity|entropy", metric, re.IGNORECASE):
                assert each.goal == "minimize", metric


def test_hardware_follows_the_algorithm() -> None:
    assert built("image-classification").on == "gpu"
    assert built("image-classification").compute.instance_type.startswith(("ml.g4dn.", "ml.g5."))
    assert built("linear-learner").compute.instance_type.startswith("ml.m5.")
    assert built("linear-learner", on="gpu").compute.instance_type.startswith(("ml.g4dn.", "ml.g5."))
    assert built("linear-learner", instance="ml.g5.xlarge").on == "gpu"
    assert built("blazingtext, words", instances=4).compute.instance_count == 4
    assert built("xgboost", instances=2).compute.instance_count == 2
    assert built("xgboost", {"use_dask_gpu_training": True}, on="gpu", instances=2).on == "gpu"


def test_spot_capacity_is_used_where_checkpoints_are_written() -> None:
    # https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html
    checkpointing = {name for name in catalog.names() if found(name).checkpoints}
    assert checkpointing == {"image-classification", "object-detection", "semantic-segmentation", "xgboost"}
    assert built("xgboost").managed_spot
    assert not built("linear-learner").managed_spot


def test_tables_are_read_by_three_algorithms_unless_channels_are_given() -> None:
    readers = {name for name in catalog.names() if found(name).reads_tables}
    assert readers == {"linear-learner", "knn", "xgboost"}
    assert built("knn").reads_tables
    assert built("knn").table_channels == {"train": "train", "validation": "test"}
    assert not BuiltIn("xgboost", {"num_round": 1}, channels={"train": f"{BUCKET}/train/"}).reads_tables


def test_kinds_of_problems() -> None:
    assert built("xgboost").solves("binary")
    assert not built("xgboost").solves("regression")
    assert built("linear-learner, classes").solves("multiclass")
    assert built("knn").solves("binary")
    assert built("kmeans").solves("regression")  # it has no kinds


def test_inputs_say_what_the_algorithm_reads_as_a_rule() -> None:
    assert built("forecasting-deepar").inputs["train"].content_type is None
    assert built("image-classification").inputs["train"].content_type == "application/x-recordio"
    files = built("image-classification, files").inputs
    assert {each.content_type for each in files.values()} == {"application/x-image"}
    inputs = built("randomcutforest").inputs
    assert inputs["train"].distribution == "ShardedByS3Key"
    assert inputs["test"].content_type == "text/csv;label_size=1"
    piped = built("kmeans", channels={"train": Channel("s3://data/", content_type="text/csv", mode="Pipe")})
    assert (piped.inputs["train"].content_type, piped.inputs["train"].mode) == ("text/csv", "Pipe")
    served = built("lightgbm")
    assert served.inputs["model"].content_type == "application/x-sagemaker-model"
    assert served.hyperparameters["sagemaker_program"] == "transfer_learning.py"
    assert served.image is not None


def test_booleans_and_lists_are_written_as_each_algorithm_reads_them() -> None:
    written = {
        ("linear-learner", "use_bias", True): "true",
        ("blazingtext", "early_stopping", True): "True",
        ("xgboost", "eval_metric", ("auc", "error@0.7")): "auc,error@0.7",
        ("xgboost", "monotone_constraints", (1, 0, -1)): "(1,0,-1)",
        ("kmeans", "eval_metrics", ("msd", "ssd")): '["msd", "ssd"]',
        ("image-classification", "lr_scheduler_step", (10, 20)): "10,20",
        ("ntm", "encoder_layers", (100, 50)): "100,50",
    }
    for (name, key, value), expected in written.items():
        assert built(name, {key: value}).hyperparameters[key] == expected


def found(name: str) -> catalog.Algorithm:
    algorithm = catalog.find(name)
    assert algorithm is not None
    return algorithm
