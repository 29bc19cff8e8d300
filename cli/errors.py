"""What ends a command early, as one sentence and an exit code."""

from cli import exit_codes


class CommandError(Exception):
    """The command failed; its text is one sentence for the user."""

    exit_code = exit_codes.FAILED


class Unreachable(CommandError):
    """No AWS answers, or none was chosen."""

    exit_code = exit_codes.UNREACHABLE


def explain(error: Exception) -> CommandError | None:
    """Put an error of AWS's client or of the embedded AWS into a sentence; None for an error of ours."""
    # Only now, because the import takes longer than most commands' help.
    from botocore import exceptions as aws

    from local.cloud import CloudError

    match error:
        case CommandError():
            return error
        case CloudError():
            return CommandError(str(error))
        case aws.NoCredentialsError() | aws.PartialCredentialsError() | aws.CredentialRetrievalError():
            return Unreachable(
                "No AWS is chosen: start the embedded one with `sageloop up`, or set AWS_PROFILE."
            )
        case aws.NoRegionError():
            return Unreachable("No region is chosen: set AWS_REGION.")
        case aws.HTTPClientError() | aws.ConnectionError():
            url = error.kwargs.get("endpoint_url", "its address")
            return Unreachable(f"AWS does not answer at {url}: `sageloop up` starts the embedded one.")
        case aws.ClientError():
            details = error.response["Error"]
            return _refused(details["Code"], details.get("Message", ""), error.operation_name)
        case aws.BotoCoreError():
            return CommandError(f"{error}")
        case _:
            return None


def _refused(code: str, message: str, operation: str) -> CommandError:
    message = " ".join(message.split()) or code
    if "AccessDenied" in code:
        return CommandError(f"AWS does not allow you {operation}: {message}")
    return CommandError(f"AWS refused {operation}: {message}")
