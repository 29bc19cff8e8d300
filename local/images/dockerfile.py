"""Reads a Dockerfile: instructions, the words of one, and variables in them.

Source: https://docs.docker.com/reference/dockerfile/
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


class BuildError(Exception):
    """An image can't be built; the text is one sentence for the user."""


@dataclass(frozen=True)
class Instruction:
    """One instruction: `name` in capitals, its `flags` (`--from=x`) and the rest as written."""

    line: int
    name: str
    flags: tuple[str, ...]
    value: str

    def __str__(self) -> str:
        return f"line {self.line}: {' '.join((self.name, *self.flags, self.value))}"

    def exec_form(self) -> tuple[str, ...] | None:
        """Return the list of `["program", "argument"]`, or None if this is a shell command."""
        if not self.value.startswith("["):
            return None
        try:
            words = json.loads(self.value)
        except ValueError:
            return None
        return tuple(words) if all(isinstance(word, str) for word in words) else None

    def argv(self) -> tuple[str, ...]:
        """Return what CMD and ENTRYPOINT execute."""
        words = self.exec_form()
        return ("/bin/sh", "-c", self.value) if words is None else words


_DIRECTIVE = re.compile(r"#\s*(\w+)\s*=\s*(\S+)\s*$")
_HEREDOC = re.compile(r"<<-?\s*[\"']?(\w+)[\"']?")


def parse(text: str) -> list[Instruction]:
    """Return the instructions, with continued lines and here-documents joined; raises BuildError."""
    lines = list(enumerate(text.splitlines(), start=1))
    escape = _escape_character(text)
    instructions = []
    while lines:
        number, line = lines.pop(0)
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        statement = line.strip()
        while statement.endswith(escape) and lines:
            following = lines.pop(0)[1].strip()
            if following and not following.startswith("#"):
                statement = statement[:-1].rstrip() + " " + following
        name, _, rest = statement.rstrip(escape).partition(" ")
        if not re.fullmatch(r"[A-Za-z]+", name):
            raise BuildError(f"Line {number} of the Dockerfile is no instruction: {statement}")
        flags, value = _flags(rest.strip())
        heredoc = _HEREDOC.search(value) if name.upper() in ("RUN", "COPY", "ADD") else None
        if heredoc:
            body = []
            while lines and (content := lines.pop(0)[1]).strip() != heredoc[1]:
                body.append(content.strip())
            # In RUN it's a script; in COPY it's a file's content, for which only its marker stays.
            value = " ; ".join(filter(None, body)) if name.upper() == "RUN" else value
        instructions.append(Instruction(number, name.upper(), flags, value))
    return instructions


def _escape_character(text: str) -> str:
    for line in text.splitlines():
        directive = _DIRECTIVE.match(line.strip())
        if not directive:
            break
        if directive[1].lower() == "escape":
            return directive[2]
    return "\\"


def _flags(rest: str) -> tuple[tuple[str, ...], str]:
    flags = []
    while rest.startswith("--"):
        flag, _, rest = rest.partition(" ")
        flags.append(flag)
        rest = rest.lstrip()
    return tuple(flags), rest


_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|\\(?P<escaped>.)"
    r"|'(?P<single>[^']*)'"
    r'|"(?P<double>(?:\\.|[^"\\])*)"'
    r"|(?P<variable>\$(?:\w+|\{\w+(?::?[-+][^}]*)?\}))"
    r"|(?P<plain>.)",
    re.DOTALL,
)
_VARIABLE = re.compile(r"\\([\"$\\])|\$(?:(\w+)|\{(\w+)(?:(:?[-+])([^}]*))?\})")


def words(value: str, variables: Mapping[str, str]) -> list[str]:
    """Split at spaces outside quotes, and replace variables outside single quotes."""
    return [_unquote(word, variables) for word in _split(value)]


def _split(value: str) -> Iterator[str]:
    """Yield the words with their quotes still on."""
    word = ""
    for token in _TOKEN.finditer(value):
        if token["space"]:
            if word:
                yield word
            word = ""
        else:
            word += token[0]
    if word:
        yield word


def _unquote(word: str, variables: Mapping[str, str]) -> str:
    parts = []
    for token in _TOKEN.finditer(word):
        if token["single"] is not None:
            parts.append(token["single"])
        elif token["double"] is not None:
            parts.append(_substitute(token["double"], variables))
        elif token["variable"]:
            parts.append(_substitute(token["variable"], variables))
        else:
            parts.append(token["escaped"] or token[0])
    return "".join(parts)


def _substitute(text: str, variables: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        escaped, bare, braced, operator, word = match.groups()
        if escaped:
            return str(escaped)
        found = variables.get(bare or braced)
        if operator and operator[-1] == "-":
            return found if found or (found == "" and operator == "-") else word
        if operator and operator[-1] == "+":
            return word if found or (found == "" and operator == "+") else ""
        return found or ""

    return _VARIABLE.sub(value, text)


def assignments(value: str, variables: Mapping[str, str]) -> dict[str, str]:
    """Return what ENV, ARG or LABEL sets, from `A=1 B="2 3"` or the older `A 1`; raises BuildError."""
    pieces = list(_split(value))
    if pieces and "=" not in pieces[0]:
        name, _, rest = value.partition(" ")
        return {name: " ".join(words(rest, variables))}
    found = {}
    for piece in pieces:
        name, equals, rest = piece.partition("=")
        if not equals:
            raise BuildError(f"ENV {value}: {piece} lacks its '='.")
        found[name] = _unquote(rest, variables)
    return found
