"""Names that become parts of AWS names."""

import re

from hypothesis import given
from hypothesis import strategies as st

from declaration import Data, DeclarationError, Project

# The strictest of the names that a project's name becomes a part of, from botocore's model.
ENTITY = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
NAMES = st.one_of(st.text(max_size=40), st.from_regex(r"[a-zA-Z0-9_.-]{1,40}", fullmatch=True))


@given(NAMES)
def test_a_name_that_is_taken_fits_everywhere_and_a_refused_one_is_told_why(name: str) -> None:
    try:
        project = Project(name, data=Data("y"))
    except DeclarationError as refused:
        assert len(refused.problems) == 1
        assert refused.problems[0].where.endswith(", name")
    else:
        assert project.name == name == name.lower()
        assert len(name) <= 31
        assert ENTITY.fullmatch(name)
        assert ENTITY.fullmatch(f"{name}-dead-letters")


@given(NAMES)
def test_a_proposed_name_is_itself_allowed(name: str) -> None:
    try:
        Project(name, data=Data("y"))
    except DeclarationError as refused:
        proposed = re.fullmatch(r"did you mean '(.*)'", refused.problems[0].fix)
        if proposed:
            Project(proposed[1], data=Data("y"))


@given(st.text(max_size=300))
def test_a_column_name_that_is_taken_can_be_an_argument(name: str) -> None:
    try:
        target = Data(name).target
    except DeclarationError as refused:
        assert refused.problems[0].where == "Data, target"
    else:
        assert target == name
        assert re.fullmatch(r".{1,256}", name)
        assert not name.startswith("-")
