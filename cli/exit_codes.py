"""What the exit code of a command says (2 is a wrong call of the command itself, by Typer)."""

OK = 0
FAILED = 1
UNREACHABLE = 3
