"""S3 addresses."""

from typing import NamedTuple

from local.errors import ValidationException


class Location(NamedTuple):
    """A bucket and a key, or a prefix of keys."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def under(self, name: str) -> "Location":
        """The key `name` below this prefix."""
        return Location(self.bucket, "/".join(part for part in (self.key.rstrip("/"), name) if part))


def location(uri: str) -> Location:
    """The bucket and key of an s3:// URI; ValidationException if it is something else."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme not in ("s3", "https") or not bucket:
        raise ValidationException(f"'{uri}' is not an S3 URI.")
    return Location(bucket, key)
