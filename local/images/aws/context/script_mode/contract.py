"""/opt/ml as SageMaker's toolkits see it, and the mistakes that they report."""

import os
from pathlib import Path

BASE = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))


class ClientError(Exception):
    """The user's mistake; the text goes into the failure file."""
