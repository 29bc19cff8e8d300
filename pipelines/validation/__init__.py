"""Checks a pipeline definition before anything is deployed.

The envelope and the references are checked by rules of our own (the public JSON schema rejects valid
definitions), and each step's request by botocore's service model. Every problem is reported at once.
"""

import json
from collections.abc import Iterator

from pipelines.validation.arguments import argument_problems
from pipelines.validation.envelope import envelope_problems
from pipelines.validation.references import reference_problems
from pipelines.validation.steps import Json, all_steps

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreatePipeline.html
MAX_CHARACTERS = 1_048_576


class DefinitionError(ValueError):
    """Raised for a definition that SageMaker would refuse; its text holds one sentence per problem."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


def validate(definition_json: str) -> None:
    """Raise DefinitionError if SageMaker would refuse the definition; texts with CDK tokens pass."""
    problems = list(_problems(definition_json))
    if problems:
        raise DefinitionError(problems)


def _problems(text: str) -> Iterator[str]:
    if len(text) > MAX_CHARACTERS:
        yield f"The definition has {len(text):,} characters; SageMaker takes at most {MAX_CHARACTERS:,}."
    # A list token is resolved as a whole list only, inside a text it would stay as it is.
    if "#{Token[" in text:
        yield "The definition holds a CDK list token; pass a list of texts instead (such as Fn.select's)."
    try:
        definition: Json = json.loads(text)
    except json.JSONDecodeError as error:
        yield f"The definition is not JSON: {error}."
        return
    # Each check relies on the form that the one before it has found.
    malformed = list(envelope_problems(definition))
    if not malformed:
        steps = all_steps(definition)
        malformed = [problem for step in steps for problem in argument_problems(step)]
    yield from malformed or reference_problems(definition, steps)
