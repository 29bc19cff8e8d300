"""A synthesised template, as the controls read it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stacks.parts.acknowledgements import METADATA


@dataclass(frozen=True)
class Resource:
    """One resource of a template; `path` is its place in the tree of constructs."""

    path: str
    type: str
    properties: Mapping[str, Any]
    acknowledged: Mapping[str, str]


class Template:
    """The resources of one stack."""

    def __init__(self, stack: str, content: Mapping[str, Any]) -> None:
        self.resources = {
            logical_id: Resource(
                path=resource.get("Metadata", {}).get("aws:cdk:path", f"{stack}/{logical_id}"),
                type=resource["Type"],
                properties=resource.get("Properties", {}),
                acknowledged=resource.get("Metadata", {}).get(METADATA, {}),
            )
            for logical_id, resource in content.get("Resources", {}).items()
        }

    def of(self, *types: str) -> Iterator[Resource]:
        """The resources of some types."""
        return (resource for resource in self.resources.values() if resource.type in types)


def text(value: Any) -> str:
    """A text of a template, with each function in it standing as its own JSON in quotes of another kind."""
    match value:
        case str():
            return value
        case {"Fn::Join": [str(delimiter), [*parts]]}:
            return delimiter.join(map(text, parts))
        case _:
            return "${" + json.dumps(value, sort_keys=True).replace('"', "'") + "}"
