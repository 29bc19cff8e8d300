"""How much memory the processes of a container use, without cgroups (which a normal user may not have)."""

# Importing pathlib would make each container wait for longer.
# ruff: noqa: PTH123, PTH208
import contextlib
import os

_PAGE = os.sysconf("SC_PAGE_SIZE")


def exceeds(limit: int) -> bool:
    """Whether all processes but this one use more than `limit` bytes together."""
    others = [name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]
    # The exact figure walks the page tables, so ask for it only when the cheap upper bound is too high.
    return sum(map(_resident, others)) > limit and sum(map(_own_share, others)) > limit


def _resident(process: str) -> int:
    with contextlib.suppress(OSError), open(f"/proc/{process}/statm") as file:
        return int(file.read().split()[1]) * _PAGE
    return 0


def _own_share(process: str) -> int:
    """Return anonymous and shared memory in bytes; a page that n processes share counts 1/n in each."""
    with contextlib.suppress(OSError), open(f"/proc/{process}/smaps_rollup") as lines:
        fields = dict(line.split(":", 1) for line in lines if line.startswith(("Pss_Anon", "Pss_Shmem")))
        return sum(int(value.split()[0]) for value in fields.values()) * 1024
    return 0
