"""What the endpoint of the project really serves: a rollback of SageMaker's is silent otherwise."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


class Endpoint:
    """Reads the endpoint and, where its model is an inference component, that; both have one name."""

    def __init__(self, sagemaker: "SageMakerClient", name: str, *, component: bool) -> None:
        self._sagemaker = sagemaker
        self._name = name
        self._component = component

    def serves(self) -> str | None:
        """The name of the configuration in service, or of the component's model; None without an endpoint.

        Each configuration and each model is made for one model package, and never changed.
        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html
        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeInferenceComponent.html
        """
        try:
            if self._component:
                found = self._sagemaker.describe_inference_component(InferenceComponentName=self._name)
                return found["Specification"]["ModelName"]
            return self._sagemaker.describe_endpoint(EndpointName=self._name)["EndpointConfigName"]
        except ClientError as error:
            if "Could not find" in error.response["Error"]["Message"]:
                return None
            raise
