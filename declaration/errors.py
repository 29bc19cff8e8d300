"""What a user is told about a wrong declaration: one sentence per problem."""

import difflib
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType


@dataclass(frozen=True)
class Problem:
    """One wrong value: where it stands, what was given, what is allowed and the likely fix."""

    where: str
    given: str
    rule: str
    fix: str

    def __str__(self) -> str:
        end = "?" if self.fix.startswith("did you mean") else "."
        return f"{self.where}: {self.given} was given, but {self.rule}; {self.fix}{end}"


class DeclarationError(ValueError):
    """Raised when a declaration is wrong; its text holds one sentence per problem."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class Refusal(ValueError):
    """Raised by a rule that refuses a value; `fix` is the likely correction, if the rule knows one."""

    def __init__(self, rule: str, fix: str | None = None) -> None:
        super().__init__(rule)
        self.rule = rule
        self.fix = fix


def one_of(options: Sequence[str]) -> str:
    """Names as prose: `a, b or c`."""
    return " or ".join(filter(None, [", ".join(options[:-1]), options[-1]]))


def closest(given: object, options: Iterable[str]) -> str | None:
    """The option that `given` was most likely meant to be, or None."""
    by_folded = {option.casefold(): option for option in options}
    matches = difflib.get_close_matches(str(given).casefold(), by_folded, n=1)
    return by_folded[matches[0]] if matches else None


def report_without_traceback() -> None:
    """Let an uncaught DeclarationError end the program with file, line and its sentences, not a traceback."""
    earlier = sys.excepthook

    def report(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if not isinstance(error, DeclarationError):
            earlier(kind, error, traceback)
            return
        place = _declared_at(traceback)
        for problem in error.problems:
            print(f"{place}{problem}", file=sys.stderr)

    sys.excepthook = report


def _declared_at(traceback: TracebackType | None) -> str:
    place = ""
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_globals.get("__package__") != __package__:
            place = f"{frame.f_code.co_filename}:{traceback.tb_lineno}: "
        traceback = traceback.tb_next
    return place
