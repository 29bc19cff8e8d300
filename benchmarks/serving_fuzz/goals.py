"""The goals for hurtful input, I1 to I11: what was measured, what is wanted, and whether it holds."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table


@dataclass(frozen=True)
class Goal:
    """One goal; `measured` and `aim` are in words, with their units."""

    number: int
    subject: str
    measured: str
    aim: str
    held: bool


def table(goals: Sequence[Goal], *, quick: bool = False) -> Table:
    """All goals in their order."""
    less = ", of a quick run: fewer cases, and slow headers without slow bodies" if quick else ""
    shown = Table(title=f"goals for hurtful input{less}")
    for name in ("goal", "subject", "measured", "aim", ""):
        shown.add_column(name, no_wrap=not name, overflow="fold")
    for goal in sorted(goals, key=lambda goal: goal.number):
        verdict = "[green]held[/]" if goal.held else "[bold red]missed[/]"
        shown.add_row(f"I{goal.number}", goal.subject, goal.measured, goal.aim, verdict)
    return shown
