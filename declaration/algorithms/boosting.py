"""What the algorithms that learn in rounds have in common."""

from collections.abc import Iterator

from declaration.errors import Problem


def early_stopping_problems(
    name: str, early_stopping: int, rounds: int, unit: str = "rounds"
) -> Iterator[Problem]:
    """A patience that is longer than the whole training."""
    if early_stopping > rounds:
        rule = f"it must be at most {unit}, which is {rounds:,}"
        yield Problem(f"{name}, early_stopping", str(early_stopping), rule, f"lower it or raise {unit}")
