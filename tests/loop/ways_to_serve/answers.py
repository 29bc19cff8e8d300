"""What callers of the penguins' models get."""

from typing import Any


def sex(model: Any, rows: Any) -> list[str]:
    """A word for each penguin."""
    return ["male" if probability > 0.5 else "female" for probability in model.predict(rows)]
