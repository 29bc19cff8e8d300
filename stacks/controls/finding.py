"""What a control says."""

from dataclasses import dataclass

from stacks.controls.template import Resource


@dataclass(frozen=True)
class Finding:
    """One resource does not hold what a control demands."""

    control: str
    path: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.path}: {self.control}: {self.sentence}"


def found(control: str, resource: Resource, sentence: str) -> Finding:
    """A finding about a resource."""
    return Finding(control, resource.path, sentence)
