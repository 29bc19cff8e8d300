"""From projects to a cloud assembly: every stack, checked."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence

import aws_cdk as cdk
from jsii.errors import JavaScriptError

from declaration import DeclarationError, Problem, Project
from pipelines.validation import DefinitionError
from stacks.controls import unanswered
from stacks.key import SharedKey
from stacks.monitoring import Monitoring
from stacks.network import Network
from stacks.observability import Observability
from stacks.parts.paths import ROOT
from stacks.retraining import Retraining
from stacks.serving import Serving
from stacks.storage import Storage
from stacks.training import Training
from stacks.workbench import WorkbenchStack

TAG = "sageloop:project"


def deploy(*projects: Project) -> None:
    """Write the templates of all projects to cdk.out, for `cdk deploy`; what is wrong ends it with code 1.

    On stderr it says what each project trains on and serves with, at what price and why.
    """
    try:
        app = build(*projects)
        findings = unanswered(app, app.synth())
    except (DeclarationError, DefinitionError) as error:
        sys.exit(str(error))
    except RuntimeError as error:
        if not isinstance(error.__cause__, JavaScriptError):
            raise
        sys.exit(f"The CDK cannot make the templates: {error}")
    if findings:
        sys.exit("\n".join(map(str, findings)))
    for project in projects:
        print(f"{project.name} trains on {project.train.compute.why}", file=sys.stderr)
        if project.capacity:
            print(f"{project.name} serves {project.capacity.summary()}", file=sys.stderr)


def build(*projects: Project, outdir: str | None = None) -> cdk.App:
    """The app with the stacks of all projects; raises DeclarationError if they do not fit each other."""
    problems = _problems(projects)
    if problems:
        raise DeclarationError(problems)
    app = cdk.App(
        outdir=outdir or os.environ.get("CDK_OUTDIR", str(ROOT / "cdk.out")),
        context=_context(),
        analytics_reporting=False,
        # They name temporary directories, so the metadata would never be the same twice.
        stack_traces=False,
    )
    networks = {name: _network(app, name, projects) for name in dict.fromkeys(map(_network_of, projects))}
    keys = {name: _key(app, name, projects) for name in dict.fromkeys(p.key for p in projects) if name}
    for project in projects:
        for stack in _stacks(app, project, networks[_network_of(project)], keys.get(project.key or "")):
            stack.tags.set_tag(TAG, project.name)
        if project.network is None:
            networks[project.name].tags.set_tag(TAG, project.name)
    return app


def _context() -> dict[str, object]:
    """What the CDK's command line would say, so that the templates are the same without it."""
    flags: dict[str, object] = json.loads((ROOT / "cdk.json").read_text())["context"]
    return {**flags, "aws:cdk:enable-path-metadata": True, "aws:cdk:enable-asset-metadata": True}


def _stacks(app: cdk.App, project: Project, network: Network, key: SharedKey | None) -> list[cdk.Stack]:
    """The stacks of one project, in the order in which they are deployed."""
    name, env = project.name, _environment(project)
    storage = Storage(app, f"{name}-storage", project=project, shared_key=key.key if key else None, env=env)
    observability = Observability(app, f"{name}-observability", project=project, key=storage.key, env=env)
    training = Training(app, f"{name}-training", project=project, network=network, storage=storage, env=env)
    stacks: list[cdk.Stack] = [storage, observability, training]
    if project.endpoint:
        stacks.append(
            Serving(
                app,
                f"{name}-serving",
                project=project,
                endpoint=project.endpoint,
                network=network,
                storage=storage,
                training=training,
                topic=observability.topic,
                env=env,
            )
        )
    retraining = Retraining(
        app,
        f"{name}-retraining",
        project=project,
        storage=storage,
        topic=observability.topic,
        signals=observability.signals,
        env=env,
    )
    # It knows them by name only, and an event may come as soon as its rules are there.
    for stack in stacks:
        retraining.add_stack_dependency(stack)
    stacks.append(retraining)
    if project.watched:
        monitoring = Monitoring(
            app,
            f"{name}-monitoring",
            project=project,
            network=network,
            storage=storage,
            training=training,
            topic=observability.topic,
            signals=observability.signals,
            env=env,
        )
        # Its state lies in a table of that one, which also hears what it finds.
        monitoring.add_stack_dependency(retraining)
        stacks.append(monitoring)
    if project.workbench:
        stacks.append(
            WorkbenchStack(
                app,
                f"{name}-workbench",
                project=project,
                workbench=project.workbench,
                network=network,
                storage=storage,
                env=env,
            )
        )
    return stacks


def _network(app: cdk.App, name: str, projects: Sequence[Project]) -> Network:
    members = [project for project in projects if _network_of(project) == name]
    return Network(
        app,
        f"{name}-network",
        workbench=any(project.workbench for project in members),
        env=_environment(members[0]),
    )


def _key(app: cdk.App, name: str, projects: Sequence[Project]) -> SharedKey:
    members = [project for project in projects if project.key == name]
    return SharedKey(
        app,
        f"{name}-key",
        retain=any(project.retain for project in members),
        env=_environment(members[0]),
    )


def _network_of(project: Project) -> str:
    return project.network or project.name


def _environment(project: Project) -> cdk.Environment | None:
    """Usually none: the templates are then the same for every account and region, a laptop's included."""
    if project.account is None and project.region is None:
        return None
    return cdk.Environment(account=project.account, region=project.region)


def _problems(projects: Sequence[Project]) -> list[Problem]:
    """Where projects that are each right do not fit each other."""
    problems = []
    names = [project.name for project in projects]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        rule = f"{names.count(name)} projects have it, and each needs a name of its own"
        problems.append(Problem("deploy", f"the name {name!r}", rule, "rename one"))
    problems += _divided(projects, "network", _network_of)
    problems += _divided(projects, "key", lambda project: project.key)
    return problems


def _divided(
    projects: Sequence[Project], what: str, shared: Callable[[Project], str | None]
) -> Iterator[Problem]:
    first: dict[str, Project] = {}
    for project in projects:
        name = shared(project)
        other = first.setdefault(name, project) if name else project
        if (other.account, other.region) != (project.account, project.region):
            yield Problem(
                f"Project {project.name!r}, {what}",
                repr(name),
                f"it is that of {other.name!r}, in another account or region, where it cannot be reached",
                f"give both projects the same account and region, or another {what}",
            )
