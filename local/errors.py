"""The errors that the embedded AWS answers with, in AWS's own codes."""


class ApiError(Exception):
    """An answer other than success: AWS's error code, its message and the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class ValidationException(ApiError):
    """The request is malformed, names something that is missing, or comes in the wrong state."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationException", message)


class ResourceNotFound(ApiError):
    """The named resource does not exist (the operations whose model lists ResourceNotFound)."""

    def __init__(self, message: str) -> None:
        super().__init__("ResourceNotFound", message)


class ResourceInUse(ApiError):
    """A resource of that name exists already."""

    def __init__(self, message: str) -> None:
        super().__init__("ResourceInUse", message)


class ResourceLimitExceeded(ApiError):
    """A quota of the account is used up."""

    def __init__(self, message: str) -> None:
        super().__init__("ResourceLimitExceeded", message)


class ConflictException(ApiError):
    """Two requests change the same resource, or something else still needs it."""

    def __init__(self, message: str) -> None:
        super().__init__("ConflictException", message)
