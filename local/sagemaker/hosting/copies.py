"""The copies of an inference component: containers that have a place on an instance of the endpoint."""

from collections.abc import Callable

from local.sagemaker.context import Context
from local.sagemaker.hosting.instance import Instance
from local.sagemaker.hosting.launch import Launcher, LaunchError
from local.sagemaker.hosting.placement import HostPool, Place
from local.sagemaker.hosting.plan import VariantPlan

KIND = "InferenceComponents"


class CopyLauncher(Launcher):
    """Starts a copy where an instance has room for it, and gives the room back at its end."""

    def __init__(self, context: Context, component: str, pool: HostPool, *, pack: bool) -> None:
        super().__init__(context, component, KIND)
        self._pool = pool
        self._places: dict[str, Place] = {}
        self.pack = pack

    def launch(self, variant: VariantPlan, give_up: Callable[[], bool]) -> Instance:
        """Start a copy and wait until it serves; LaunchError if it does not, or if no instance has room."""
        name = variant.component or variant.model
        place = self._pool.take(name, variant.cpus or 0.0, float(variant.memory_mb or 0), pack=self.pack)
        if place is None:
            raise LaunchError(
                "There is currently not enough hardware resources on the instances to satisfy the request "
                f"for a copy of inference component {name}. Please reduce resource requirements for your "
                "inference component, create additional endpoints with more instances, or remove some "
                "inference components from your endpoint if possible to free up resources."
            )
        try:
            instance = super().launch(variant, give_up)
        except BaseException:
            self._pool.leave(place)
            raise
        self._places[instance.name] = place
        return instance

    def retire(self, instance: Instance, grace_seconds: float) -> None:
        """Stop a copy and free its place."""
        super().retire(instance, grace_seconds)
        if place := self._places.pop(instance.name, None):
            self._pool.leave(place)
