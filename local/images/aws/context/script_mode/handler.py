"""The user's functions around a model, with the defaults of AWS's images.

https://sagemaker.readthedocs.io/en/stable/frameworks/sklearn/using_sklearn.html#deploy-scikit-learn-models
"""

import importlib.util
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from . import media
from .contract import BASE, ClientError
from .source import fetch, install_requirements

Transform = Callable[[Any, Any, str, str], Any]


class BadRequest(Exception):
    """The client's mistake, and the status that says so."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True)
class Handler:
    """Answers requests; `transform` gets model, body, content type and accepted type."""

    model: Any
    transform: Transform

    def answer(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """The answer and its media type; raises BadRequest."""
        try:
            given = body.decode() if content_type in media.TEXTS else body
            result = self.transform(self.model, given, content_type, accept)
        except UnicodeDecodeError as error:
            raise BadRequest(400, f"the request is not UTF-8: {error}") from error
        content, written_as = result if isinstance(result, tuple) else (result, accept)
        return content.encode() if isinstance(content, str) else bytes(content), written_as


def load() -> Handler:
    """The handler of the script that the environment names; raises ClientError if there is none."""
    program = os.environ.get("SAGEMAKER_PROGRAM")
    if not program:
        raise ClientError("The variable SAGEMAKER_PROGRAM, which names the script of the model, is missing.")
    folder = BASE / "code"
    fetch(os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY", str(BASE / "model/code")), folder)
    sys.path[:0] = [str(folder), *install_requirements(folder)]
    script = _imported(folder / program)
    model_fn = getattr(script, "model_fn", None)
    if model_fn is None:
        raise ClientError(f"The script {program} has no function model_fn(model_dir), which loads the model.")
    return Handler(model_fn(str(BASE / "model")), _transform(script))


def _imported(path: Path) -> ModuleType:
    if not path.is_file():
        raise ClientError(f"There is no script {path.name} in {path.parent}.")
    specification = importlib.util.spec_from_file_location(path.stem, path)
    if specification is None or specification.loader is None:
        raise ClientError(f"{path.name} is no Python file.")
    module = importlib.util.module_from_spec(specification)
    sys.modules[path.stem] = module
    specification.loader.exec_module(module)
    return module


def _transform(script: ModuleType) -> Transform:
    """The script's transform_fn, or its three functions with defaults for those that it lacks."""
    own = {name: getattr(script, name, None) for name in ("input_fn", "predict_fn", "output_fn")}
    whole: Transform | None = getattr(script, "transform_fn", None)
    if whole and any(own.values()):
        raise ClientError("transform_fn takes the place of input_fn, predict_fn and output_fn: drop one.")
    on_xgboost = "xgboost" in os.environ["IMAGE"]
    read = own["input_fn"] or (media.decode_matrix if on_xgboost else media.decode)
    predict = own["predict_fn"] or (_predict_matrix if on_xgboost else _predict)
    write = own["output_fn"] or media.encode

    def in_three_steps(model: Any, body: Any, content_type: str, accept: str) -> Any:
        try:
            rows = read(body, content_type)
        except media.UnsupportedType as error:
            raise BadRequest(415, str(error)) from error
        except (ValueError, TypeError) as error:
            raise BadRequest(400, f"the request cannot be read: {error}") from error
        try:
            answer = predict(rows, model)
        except ValueError as error:
            raise BadRequest(400, f"the model cannot use these rows: {error}") from error
        try:
            return write(answer, accept)
        except media.UnsupportedType as error:
            raise BadRequest(406, str(error)) from error

    return whole or in_three_steps


def _predict(rows: Any, model: Any) -> Any:
    return model.predict(rows)


def _predict_matrix(rows: Any, model: Any) -> Any:
    # Requests have no names of features.
    return model.predict(rows, validate_features=False)
