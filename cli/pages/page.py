"""A page of the templates beside this file; every value in it is escaped."""

from pathlib import Path
from typing import Any

import jinja2

from cli import output
from cli.errors import CommandError


def render(template: str, **values: Any) -> str:
    """The text of a template beside this file."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cli", "pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Where the order of an object's members says something, it stays.
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}
    environment.filters["figure"] = output.figure
    environment.filters["short"] = output.short
    environment.filters["change"] = output.change
    return environment.get_template(template).render(values)


def write(file: Path, template: str, **values: Any) -> None:
    """Render a template into a file; raises CommandError when that cannot be written."""
    text = render(template, **values)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}.") from error
