""".dockerignore: which files of a build context the builder doesn't see."""

import re
from collections.abc import Callable
from pathlib import Path


def ignored(directory: Path, dockerfile: str) -> Callable[[str], bool]:
    """Return whether a path, relative to the context, is left out.

    Source: https://docs.docker.com/build/concepts/context/#dockerignore-files
    """
    candidates = (directory / f"{dockerfile}.dockerignore", directory / ".dockerignore")
    text = next((path.read_text() for path in candidates if path.is_file()), "")
    rules = [_rule(line.strip()) for line in text.splitlines() if line.strip() and not line.startswith("#")]

    def is_ignored(path: str) -> bool:
        verdict = False
        for pattern, left_out in rules:  # the last rule that matches wins
            if pattern.match(path):
                verdict = left_out
        return verdict

    return is_ignored


def _rule(line: str) -> tuple[re.Pattern[str], bool]:
    left_out = not line.startswith("!")
    path = line.lstrip("!").strip().strip("/").removeprefix("./")
    expression, position = "", 0
    for token in re.finditer(r"\*\*/|\*\*|\*|\?|\[[^]]+\]|\\(.)", path):
        expression += re.escape(path[position : token.start()])
        expression += _GLOB.get(token[0], re.escape(token[1]) if token[1] else token[0].replace("[^", "[^/"))
        position = token.end()
    # A rule that matches a directory holds for all below it.
    return re.compile(f"{expression}{re.escape(path[position:])}(?:/.*)?$", re.DOTALL), left_out


_GLOB = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
