"""How a job ends badly."""

from local.sagemaker.store import Record


class JobFailed(Exception):
    """The job fails with this FailureReason, such as "ClientError: …" or "AlgorithmError: …, exit code: 1".

    `members` are what the record of the job gets besides.
    """

    def __init__(self, reason: str, members: Record | None = None) -> None:
        super().__init__(reason)
        self.members = members or {}


def container_failed(exit_code: int, said: str, data: str, members: Record | None = None) -> JobFailed:
    """The failure of a container that left with an exit code; `said` is what it wrote as its reason.

    The form is AWS's: "AlgorithmError: <text>, exit code: 1", of the text the first 1,024 characters
    (docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-signal-success-failure.html).
    137 without a word is what remains of a container that used up its memory on `data`.
    """
    if exit_code == 137 and not said:
        return JobFailed(
            "ClientError: Please use an instance type with more memory, or reduce the size of "
            f"{data} processed on an instance., exit code: 137",
            members,
        )
    return JobFailed(f"AlgorithmError: {said[:1024].strip()}, exit code: {exit_code}", members)
