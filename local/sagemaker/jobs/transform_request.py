"""What of a transform job AWS refuses at once, and what the embedded AWS does not have."""

from local.errors import ValidationException
from local.sagemaker.jobs.transform_records import Processing
from local.sagemaker.operations import Params

_MOST_MB = 100


def check_request(params: Params) -> None:
    """ValidationException for a request that cannot run.

    The limits are those of API_CreateTransformJob.
    """
    source, output = params["TransformInput"], params["TransformOutput"]
    split = source.get("SplitType", "None")
    if split not in ("None", "Line"):
        raise ValidationException(f"The embedded AWS splits objects by Line only, not by {split}.")
    data_type = source["DataSource"]["S3DataSource"]["S3DataType"]
    if data_type not in ("S3Prefix", "ManifestFile"):
        raise ValidationException(f"The embedded AWS does not read S3DataType {data_type}.")
    if "DataCaptureConfig" in params:
        raise ValidationException("The embedded AWS does not capture the data of transform jobs.")
    if "BatchStrategy" in params and split == "None" and params["BatchStrategy"] == "MultiRecord":
        raise ValidationException(
            "BatchStrategy MultiRecord needs SplitType Line: unsplit, an object is one record."
        )
    payload, concurrent = params.get("MaxPayloadInMB", 0), params.get("MaxConcurrentTransforms") or 1
    if payload * concurrent > _MOST_MB:
        raise ValidationException(
            f"MaxConcurrentTransforms * MaxPayloadInMB cannot exceed {_MOST_MB} MB, but is "
            f"{payload * concurrent}."
        )
    processing = Processing.of(params.get("DataProcessing", {}))
    formats = (source.get("ContentType", ""), output.get("Accept", "text/csv"))
    if not processing.plain and (split != "Line" or not all(form.startswith("text/csv") for form in formats)):
        raise ValidationException(
            "The embedded AWS filters and joins records of CSV only: DataProcessing needs ContentType and "
            "Accept text/csv, and SplitType Line."
        )
