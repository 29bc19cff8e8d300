"""What a first-party algorithm runs on."""

from collections.abc import Iterator
from dataclasses import dataclass

from declaration.builtin.catalog import Algorithm, Machines
from declaration.builtin.conditions import holds
from declaration.compute import Need
from declaration.errors import Problem, one_of
from declaration.instances import gpu
from declaration.prices import PRICED, Priced


@dataclass(frozen=True)
class NeedOfFamily(Need):
    """A GPU of one of the families that an algorithm is built for, such as g5."""

    families: tuple[str, ...]

    def fits(self, instance: Priced) -> bool:
        """Whether an instance type has it."""
        return family(instance.name) in self.families and super().fits(instance)


def family(instance: str) -> str:
    """The family of an instance type: g5 of ml.g5.xlarge."""
    return instance.split(".")[1]


def machines(algorithm: Algorithm, values: dict[str, object]) -> Machines:
    """What the algorithm trains on with these hyperparameters."""
    return next(each for each in algorithm.hardware if holds(each.only_if, values))


def machine_problems(
    where: str,
    name: str,
    runs_on: Machines,
    *,
    on: str,
    instance: str | None,
    instances: int,
    memory_gb: int | None,
) -> Iterator[Problem]:
    """Hardware that the algorithm does not run on, or does not use."""
    field, given = ("on", on) if instance is None else ("instance", instance)
    on_gpu = on == "gpu" if instance is None else gpu(instance)
    families = one_of(runs_on.gpu) if runs_on.gpu else ""
    if on_gpu and not runs_on.gpu:
        rule = f"{name} learns on CPUs alone here, so a GPU would be paid for and idle"
        yield Problem(f"{where}, {field}", repr(given), rule, f"leave {field} out")
    elif not on_gpu and not runs_on.cpu:
        rule = f"{name} learns on GPUs alone, of the families {families}"
        yield Problem(f"{where}, {field}", repr(given), rule, f"leave {field} out")
    elif on_gpu and instance is not None and family(instance) not in runs_on.gpu:
        rule = f"{name} learns on GPUs of the families {families}"
        yield Problem(f"{where}, {field}", repr(given), rule, "name an instance of one of them")
    elif (
        on_gpu and instance is None and not any(map(NeedOfFamily(True, memory_gb, runs_on.gpu).fits, PRICED))
    ):
        rule = f"the table of prices has no GPU of the families {families} with the memory asked for"
        yield Problem(
            f"{where}, {field}", repr(given), rule, 'name one, for example instance="ml.p3.2xlarge"'
        )
    if instances > 1 and ("gpu" if on_gpu else "cpu") not in runs_on.many:
        rule = f"{name} learns on one instance here, so the others would be paid for and idle"
        yield Problem(f"{where}, instances", str(instances), rule, "write instances=1")
