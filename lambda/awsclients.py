"""Clients of AWS for all functions: the one place where they are made."""

from typing import Any

import boto3
from botocore.config import Config

# A call that hangs is given up after two tries of 8 s at most, while its function, which has 30 s, can still
# say so; boto3 alone would wait for 60 s and try five times.
# https://docs.aws.amazon.com/boto3/latest/guide/retries.html
CONFIG = Config(connect_timeout=2, read_timeout=6, retries={"mode": "standard", "total_max_attempts": 2})


def client(name: str) -> Any:
    """A client of the service with this name, such as "s3"."""
    make: Any = boto3.client
    return make(name, config=CONFIG)
