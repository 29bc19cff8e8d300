"""What every test of a wrong declaration looks at: the one sentence, part by part."""

from collections.abc import Callable

import pytest

from declaration import DeclarationError

# The declaration, then what its message must say: where, the value given, what is allowed, the fix.
Bad = tuple[Callable[[], object], str, str, str, str]


def refused_with(declare: Callable[[], object], where: str, given: str, rule: str, fix: str) -> None:
    """The declaration is refused with one sentence that names place, value, rule and likely fix."""
    with pytest.raises(DeclarationError) as refused:
        declare()
    sentence = next(line for line in str(refused.value).splitlines() if where in line.split(": ")[0])
    place, _, rest = sentence.partition(": ")
    value, _, said = rest.partition(" was given, but ")
    said_rule, _, said_fix = said.rpartition("; ")
    assert where in place
    assert given in value
    assert rule in said_rule
    assert fix in said_fix
    assert sentence[-1] in ".?"
    assert "pydantic" not in str(refused.value)
    assert " object at 0x" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
