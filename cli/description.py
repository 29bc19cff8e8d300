"""The OpenAPI document of a model, which its evaluation wrote beside its report."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli import endpoint, registry, storage
from cli.errors import CommandError
from cli.projects import Project

if TYPE_CHECKING:
    import boto3

Json = dict[str, Any]

# The property of a model package that says where the document lies.
PROPERTY = "openapi"


@dataclass(frozen=True)
class Description:
    """What the API of a project takes and answers with one version of the model; `url` is the API's own."""

    version: int
    in_service: bool
    url: str
    document: Json

    @property
    def columns(self) -> Json:
        """The columns of a row in the model's order, each with its schema."""
        columns: Json = self.document["components"]["schemas"]["Row"]["properties"]
        return columns


def describe(session: "boto3.Session", project: Project, version: int | None) -> Description:
    """That of a version, by default of the one in service, or else of the newest; raises CommandError."""
    if project.find("serving", "ApiUrl") is None and "serving" in project.stacks:
        raise CommandError(
            f"{project.name} has no API: its calls wait in a queue, or its files are predicted in batches. "
            "Ask for predictions with `sageloop invoke`."
        )
    served = endpoint.describe(session, project)
    serving = served.version if served else None
    group = project.output("training", "ModelPackageGroup")
    arn = registry.arn_of(session, group, version if version is not None else serving)
    package = session.client("sagemaker").describe_model_package(ModelPackageName=arn)
    number = package["ModelPackageVersion"]
    place = package.get("CustomerMetadataProperties", {}).get(PROPERTY)
    if place is None:
        raise CommandError(
            f"Version {number} of {group} has no description of its API: only models that this project's own "
            "image serves have one, from their training on. Ask whoever made its image, or train again."
        )
    document = storage.document(session, place)
    if document is None:
        raise CommandError(f"The description of version {number} is gone: nothing lies at {place}.")
    url = project.output("serving", "ApiUrl").rstrip("/")
    info = {**document["info"], "summary": f"Version {number} of the model {group}"}
    return Description(number, number == serving, url, {**document, "info": info, "servers": [{"url": url}]})
