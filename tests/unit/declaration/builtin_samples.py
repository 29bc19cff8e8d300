"""A valid declaration of every first-party algorithm, as a user would write it."""

from typing import Any

from declaration.builtin import BuiltIn, JumpStart

BUCKET = "s3://data"
JUMPSTART = JumpStart(
    image="763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:1.9.0-cpu-py38",
    script="s3://jumpstart-cache-prod-us-east-1/source-directory-tarballs/sourcedir.tar.gz",
    model="s3://jumpstart-cache-prod-us-east-1/training/train.tar.gz",
)


def sample(
    name: str, hyperparameters: dict[str, Any], *channels: str, jumpstart: bool = False
) -> dict[str, Any]:
    """The arguments of BuiltIn; without channels it reads the project's table."""
    return {
        "name": name,
        "hyperparameters": hyperparameters,
        "channels": {channel: f"{BUCKET}/{channel}/" for channel in channels} or None,
        "jumpstart": JUMPSTART if jumpstart else None,
    }


IMAGES = {"num_classes": 2, "num_training_samples": 1000}
SAMPLES = {
    "autogluon-tabular": sample("autogluon-tabular", {}, "training", jumpstart=True),
    "blazingtext": sample("blazingtext", {"mode": "supervised"}, "train", "validation"),
    "blazingtext, words": sample("blazingtext", {"mode": "batch_skipgram"}, "train"),
    "catboost": sample("catboost", {"iterations": 100}, "training", "validation", jumpstart=True),
    "factorization-machines": sample(
        "factorization-machines",
        {"feature_dim": 10_000, "num_factors": 64, "predictor_type": "regressor"},
        "train",
        "test",
    ),
    "forecasting-deepar": sample(
        "deepar",
        {"context_length": 24, "prediction_length": 24, "epochs": 100, "time_freq": "5min"},
        "train",
        "test",
    ),
    "image-classification": sample("image-classification", IMAGES, "train", "validation"),
    "image-classification, files": sample(
        "image-classification",
        {**IMAGES, "resize": 256},
        "train",
        "validation",
        "train_lst",
        "validation_lst",
    ),
    "image-classification-tensorflow": sample(
        "image-classification-tensorflow", {"epochs": 5}, "training", jumpstart=True
    ),
    "ipinsights": sample("ipinsights", {"num_entity_vectors": 20_000, "vector_dim": 128}, "train"),
    "kmeans": sample("kmeans", {"k": 10, "feature_dim": 4, "eval_metrics": ["msd", "ssd"]}, "train", "test"),
    "knn": sample("knn", {"k": 5, "feature_dim": 8, "sample_size": 1000, "predictor_type": "classifier"}),
    "lda": sample("lda", {"num_topics": 5, "feature_dim": 1000, "mini_batch_size": 500}, "train"),
    "lightgbm": sample("lightgbm", {"num_boost_round": 200}, "train", "validation", jumpstart=True),
    "linear-learner": sample("linear-learner", {"predictor_type": "binary_classifier"}),
    "linear-learner, classes": sample(
        "linear-learner", {"predictor_type": "multiclass_classifier", "num_classes": 7}, "train"
    ),
    "ntm": sample("ntm", {"num_topics": 20, "feature_dim": 2000, "encoder_layers": [60, 40]}, "train"),
    "object-detection": sample("object-detection", IMAGES, "train", "validation"),
    "object-detection-tensorflow": sample("object-detection-tensorflow", {}, "training", jumpstart=True)
    | {"instance": "ml.p3.2xlarge"},
    "object2vec": sample("object2vec", {"enc0_max_seq_len": 100, "enc0_vocab_size": 10_000}, "train"),
    "pca": sample("pca", {"feature_dim": 50, "mini_batch_size": 200, "num_components": 5}, "train"),
    "randomcutforest": sample("rcf", {"feature_dim": 3}, "train", "test"),
    "semantic-segmentation": sample(
        "semantic-segmentation",
        IMAGES,
        "train",
        "train_annotation",
        "validation",
        "validation_annotation",
    ),
    "seq2seq": sample("seq2seq", {"max_num_epochs": 3}, "train", "validation", "vocab"),
    "tabtransformer": sample("tabtransformer", {}, "training", jumpstart=True),
    "text-classification-tensorflow": sample(
        "text-classification-tensorflow", {}, "training", "validation", jumpstart=True
    ),
    "xgboost": sample("xgboost", {"num_round": 100, "objective": "binary:logistic"}),
}


def built(of: str, hyperparameters: dict[str, Any] | None = None, **changed: Any) -> BuiltIn:
    """A sample with some hyperparameters added and some arguments replaced."""
    given = SAMPLES[of] | changed
    return BuiltIn(**given | {"hyperparameters": {**given["hyperparameters"], **(hyperparameters or {})}})
