"""Synthesised apps, as tests look at them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from declaration import Project
from stacks import build
from stacks.controls import findings, nag, unanswered
from stacks.controls.finding import Finding

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Resource:
    stack: str
    logical_id: str
    body: Json

    @property
    def properties(self) -> Json:
        properties: Json = self.body.get("Properties", {})
        return properties

    @property
    def name(self) -> str:
        path: str = self.body["Metadata"]["aws:cdk:path"]
        return path.removesuffix("/Resource").rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Synthesised:
    projects: tuple[Project, ...]
    directory: Path
    templates: Mapping[str, Json]
    findings: list[Finding]
    all_findings: list[Finding]

    def of(self, type_: str, stack: str | None = None) -> list[Resource]:
        return [r for r in self.resources if r.body["Type"] == type_ and stack in (None, r.stack)]

    def one(self, type_: str, stack: str | None = None) -> Resource:
        (resource,) = self.of(type_, stack)
        return resource

    @cached_property
    def resources(self) -> list[Resource]:
        return [
            Resource(stack, logical_id, body)
            for stack, template in self.templates.items()
            for logical_id, body in template["Resources"].items()
        ]


def synthesise(directory: Path, *projects: Project) -> Synthesised:
    """Synthesis with no AWS at all: no credentials and no region."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("AWS_", "CDK_"))]:
            patch.delenv(name)
        app = build(*projects, outdir=str(directory))
        assembly = app.synth()
    templates = {stack.stack_name: stack.template for stack in assembly.stacks}
    everything = [finding for stack, content in templates.items() for finding in findings(stack, content)]
    return Synthesised(projects, directory, templates, unanswered(app, assembly), [*everything, *nag(app)])
