"""AWS's own images on a laptop: stand-ins with the same contract, built on first use."""

from local.images.aws.catalogue import AwsImages

__all__ = ["AwsImages"]
