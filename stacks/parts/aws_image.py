"""The images of AWS, which lie in another account in every region."""

from collections.abc import Mapping

import aws_cdk as cdk

from declaration import Algorithm, BuiltIn, DeclarationError, Problem, Script
from declaration.instances import gpu
from pipelines.images import Scope, image_uris
from stacks.parts.image import Image


def aws_image(stack: cdk.Stack, algorithm: Algorithm, used_for: Scope) -> Image | None:
    """The image of AWS that learns with an algorithm, or serves its model on CPUs; None if not AWS's."""
    on_gpu = used_for == "training" and gpu(algorithm.compute.instance_type)
    match algorithm:
        case Script(framework=name, version=version):
            uris = image_uris("script", name, version, scope=used_for, gpu=on_gpu)
            return _by_region(stack, used_for, name, uris)
        case BuiltIn(name=name, image=None):
            return _by_region(stack, used_for, name, image_uris("builtin", name, scope=used_for, gpu=on_gpu))
        case BuiltIn(image=str(uri)):
            # A JumpStart model is given with its region.
            account, repository = uri.split(".")[0], uri.partition("/")[2]
            return _image(stack, uri, account, repository)
    return None


def _by_region(stack: cdk.Stack, used_for: Scope, name: str, uris: Mapping[str, str]) -> Image:
    # Every region has the same repository and tag, in accounts of its own.
    repository = next(iter(uris.values())).partition("/")[2]
    if not cdk.Token.is_unresolved(stack.region):
        if stack.region not in uris:
            rule = f"AWS has no image of {name} there"
            fix = f"choose one of {', '.join(uris)}"
            raise DeclarationError([Problem("Project, region", repr(stack.region), rule, fix)])
        return _image(stack, uris[stack.region], uris[stack.region].split(".")[0], repository)
    mapping = cdk.CfnMapping(
        stack,
        f"{used_for.capitalize()}Images",
        mapping={region: {"Uri": uri, "Account": uri.split(".")[0]} for region, uri in uris.items()},
    )
    uri, account = (mapping.find_in_map(cdk.Aws.REGION, key) for key in ("Uri", "Account"))
    return _image(stack, uri, account, repository)


def _image(stack: cdk.Stack, uri: str, account: str, repository: str) -> Image:
    name = repository.split("@")[0].rsplit(":", 1)[0]
    arn = f"arn:{stack.partition}:ecr:{stack.region}:{account}:repository/{name}"
    return Image(uri, arn, repository)
