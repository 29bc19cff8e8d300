"""Container images without Docker: built from a Dockerfile, kept by content, found by their URI."""

from local.images.dockerfile import BuildError
from local.images.image import Image, UnknownImage
from local.images.store import ImageStore

__all__ = ["BuildError", "Image", "ImageStore", "UnknownImage"]
