"""What a request holds and an answer is written as, by the media types of AWS's framework images.

https://github.com/aws/sagemaker-scikit-learn-container (serving.py) and
https://github.com/aws/sagemaker-xgboost-container (encoder.py); NumPy's format is read without pickles.
"""

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

CSV, JSON, NPY = "text/csv", "application/json", "application/x-npy"
TEXTS = (CSV, JSON)


class UnsupportedType(Exception):
    """Nobody reads or writes this media type."""


def decode(body: Any, content_type: str) -> Any:
    """A request's rows, texts as float32; raises UnsupportedType, or ValueError for what does not parse."""
    readers: Mapping[str, Callable[[Any], Any]] = {
        CSV: lambda text: np.genfromtxt(io.StringIO(text), delimiter=","),
        JSON: lambda text: np.array(json.loads(text)),
        NPY: lambda content: np.load(io.BytesIO(content), allow_pickle=False),
    }
    read = readers.get(content_type)
    if read is None:
        raise UnsupportedType(f"the content type {content_type!r} is not one of {', '.join(readers)}")
    rows = read(body)
    return rows.astype(np.float32) if content_type in TEXTS else rows


def decode_matrix(body: Any, content_type: str) -> Any:
    """A request's rows as XGBoost takes them; raises as `decode` does."""
    import xgboost

    if content_type != CSV:
        raise UnsupportedType(f"the content type {content_type!r} is not {CSV}")
    rows = [[cell or "nan" for cell in line.split(",")] for line in body.strip().splitlines()]
    return xgboost.DMatrix(np.array(rows).astype(np.float32))


def encode(answer: Any, accept: str) -> bytes:
    """An answer in the media type that the client accepts; raises UnsupportedType."""
    writers: Mapping[str, Callable[[Any], bytes]] = {CSV: _csv, JSON: _json, NPY: _npy}
    write = writers.get(accept)
    if write is None:
        raise UnsupportedType(f"the type {accept!r} is not one of {', '.join(writers)}")
    return write(answer)


def _csv(answer: Any) -> bytes:
    text = io.StringIO()
    np.savetxt(text, answer, delimiter=",", fmt="%s")
    return text.getvalue().encode()


def _json(answer: Any) -> bytes:
    return json.dumps(answer, default=lambda array: array.tolist()).encode()


def _npy(answer: Any) -> bytes:
    content = io.BytesIO()
    np.save(content, answer)
    return content.getvalue()
