import pytest

from local.errors import ApiError, ValidationException
from local.sagemaker.service import SageMaker
from tests.unit.local.sagemaker.small_cloud import JOB_ROLE, DiskHost

NAME = {"NotebookInstanceName": "flights"}


def status(sagemaker: SageMaker) -> str:
    return str(sagemaker.call("DescribeNotebookInstance", NAME)["NotebookInstanceStatus"])


def becomes(sagemaker: SageMaker, wanted: str) -> bool:
    return sagemaker.context.store.wait(lambda: status(sagemaker) == wanted, 10)


@pytest.fixture
def notebook(sagemaker: SageMaker) -> SageMaker:
    config = {"NotebookInstanceLifecycleConfigName": "idle", "OnStart": [{"Content": "ZWNobw=="}]}
    sagemaker.call("CreateNotebookInstanceLifecycleConfig", config)
    request = {
        **NAME,
        "InstanceType": "ml.t3.medium",
        "RoleArn": JOB_ROLE,
        "LifecycleConfigName": "idle",
        "SecurityGroupIds": ["sg-1"],
        "Tags": [{"Key": "k", "Value": "v"}],
    }
    sagemaker.call("CreateNotebookInstance", request)
    return sagemaker


def test_the_life_of_an_instance(notebook: SageMaker) -> None:
    assert becomes(notebook, "InService")
    described = notebook.call("DescribeNotebookInstance", NAME)
    assert described["NotebookInstanceLifecycleConfigName"] == "idle"
    assert described["SecurityGroups"] == ["sg-1"]
    with pytest.raises(ValidationException, match=r"Status \(InService\) not in \(\[Stopped, Failed\]\)"):
        notebook.call("DeleteNotebookInstance", NAME)
    notebook.call("StopNotebookInstance", NAME)
    assert becomes(notebook, "Stopped")
    notebook.call(
        "UpdateNotebookInstance", {**NAME, "VolumeSizeInGB": 30, "DisassociateLifecycleConfig": True}
    )
    assert becomes(notebook, "Stopped")
    described = notebook.call("DescribeNotebookInstance", NAME)
    assert described["VolumeSizeInGB"] == 30
    assert "NotebookInstanceLifecycleConfigName" not in described
    notebook.call("StartNotebookInstance", NAME)
    assert becomes(notebook, "InService")


def test_a_deleted_instance_is_gone_with_its_tags(notebook: SageMaker) -> None:
    assert becomes(notebook, "InService")
    notebook.call("StopNotebookInstance", NAME)
    assert becomes(notebook, "Stopped")
    notebook.call("DeleteNotebookInstance", NAME)
    store = notebook.context.store
    assert store.wait(lambda: store.get("notebook-instance", "flights") is None, 10)
    assert not store.list("tags")
    with pytest.raises(ApiError, match="RecordNotFound"):
        notebook.call("DescribeNotebookInstance", NAME)


def test_there_is_no_jupyter_to_open(notebook: SageMaker) -> None:
    with pytest.raises(ApiError, match="runs no Jupyter"):
        notebook.call("CreatePresignedNotebookInstanceUrl", NAME)


def test_a_role_that_may_not_write_logs_is_refused(host: DiskHost, sagemaker: SageMaker) -> None:
    host.denied.add((JOB_ROLE, "logs:PutLogEvents"))
    request = {**NAME, "InstanceType": "ml.t3.medium", "RoleArn": JOB_ROLE}
    with pytest.raises(ValidationException, match="not authorized to perform: logs:PutLogEvents"):
        sagemaker.call("CreateNotebookInstance", request)


def test_names_are_unique_and_configs_must_exist(notebook: SageMaker) -> None:
    request = {**NAME, "InstanceType": "ml.t3.medium", "RoleArn": JOB_ROLE}
    with pytest.raises(ValidationException, match="duplicate Notebook Instance"):
        notebook.call("CreateNotebookInstance", request)
    with pytest.raises(ValidationException, match="does not exist"):
        notebook.call(
            "CreateNotebookInstance",
            {**request, "NotebookInstanceName": "other", "LifecycleConfigName": "absent"},
        )
