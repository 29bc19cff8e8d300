"""Notebook instances and their lifecycle configurations: the state machine, without a Jupyter behind it."""

from local.errors import ApiError, ValidationException
from local.host import AccessDenied
from local.sagemaker.context import Context, now
from local.sagemaker.events import detail, milliseconds
from local.sagemaker.jobs.failure import JobFailed
from local.sagemaker.jobs.permissions import Permissions
from local.sagemaker.operations import Answer, Params, operation
from local.sagemaker.pagination import listed, page
from local.sagemaker.store import Record
from local.sagemaker.tags import forget_tags, set_tags

_INSTANCE, _CONFIG = "notebook-instance", "notebook-instance-lifecycle-config"
_LOG_GROUP = "/aws/sagemaker/NotebookInstances"
_SECONDS = 2.0
"""How long a change of state takes: AWS needs minutes, here it is just long enough to be seen."""
_NEXT = {"Pending": "InService", "Stopping": "Stopped", "Updating": "Stopped", "Deleting": None}


class Notebooks:
    """Notebook instances; what is under way (Pending, Stopping, Updating, Deleting) ends by itself."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store

    @operation("CreateNotebookInstance")
    def create(self, params: Params) -> Answer:
        """Make an instance, Pending and then InService."""
        name = params["NotebookInstanceName"]
        arn = self._context.arn(_INSTANCE, name)
        self._check_role(name, params["RoleArn"])
        with self._store.transaction():
            if self._store.get(_INSTANCE, name):
                raise ValidationException(f"Cannot create a duplicate Notebook Instance ({arn})")
            set_tags(self._context, arn, params.pop("Tags", None))
            record = {
                "DirectInternetAccess": "Enabled",
                "VolumeSizeInGB": 5,
                "RootAccess": "Enabled",
                "PlatformIdentifier": "notebook-al2023-v1",
                **self._members(params),
                "NotebookInstanceArn": arn,
                "NotebookInstanceStatus": "Pending",
                "Url": f"{name}.notebook.{self._context.host.region}.sagemaker.aws",
                "CreationTime": now(),
            }
            if "SecurityGroupIds" in record:
                record["SecurityGroups"] = record.pop("SecurityGroupIds")
            self._save(record)
        self._context.spawn(self._finish, name)
        return {"NotebookInstanceArn": arn}

    @operation("DescribeNotebookInstance")
    def describe(self, params: Params) -> Answer:
        """The instance."""
        return self._instance(params["NotebookInstanceName"])

    @operation("ListNotebookInstances")
    def list(self, params: Params) -> Answer:
        """Page through the instances."""
        records = [
            record
            for record in self._store.list(_INSTANCE)
            if params.get("StatusEquals") in (None, record["NotebookInstanceStatus"])
            and params.get("NotebookInstanceLifecycleConfigNameContains", "")
            in record.get("NotebookInstanceLifecycleConfigName", "")
        ]
        chosen = listed(records, {"SortBy": "Name", **params}, name="NotebookInstanceName", order="Ascending")
        instances, token = page(chosen, params)
        return {"NotebookInstances": instances, "NextToken": token}

    @operation("StartNotebookInstance")
    def start(self, params: Params) -> Answer:
        """Start a stopped instance."""
        name = params["NotebookInstanceName"]
        self._check_role(name, self._instance(name)["RoleArn"])
        self._move(name, ("Stopped", "Failed"), "Pending")
        return {}

    @operation("StopNotebookInstance")
    def stop(self, params: Params) -> Answer:
        """Stop an instance that is in service."""
        self._move(params["NotebookInstanceName"], ("InService",), "Stopping")
        return {}

    @operation("UpdateNotebookInstance")
    def update(self, params: Params) -> Answer:
        """Change a stopped instance."""
        name = params["NotebookInstanceName"]
        with self._store.transaction():
            smallest = self._instance(name)["VolumeSizeInGB"]
            if params.get("VolumeSizeInGB", smallest) < smallest:
                raise ValidationException(f"VolumeSizeInGB can not be smaller than it is ({smallest}).")
            removed = {
                member: None
                for switch, member in (
                    ("DisassociateLifecycleConfig", "NotebookInstanceLifecycleConfigName"),
                    ("DisassociateDefaultCodeRepository", "DefaultCodeRepository"),
                    ("DisassociateAdditionalCodeRepositories", "AdditionalCodeRepositories"),
                    ("DisassociateAcceleratorTypes", "AcceleratorTypes"),
                )
                if params.pop(switch, False)
            }
            members = self._members(params)
            self._move(name, ("Stopped", "Failed"), "Updating", **members, **removed)
        return {}

    @operation("DeleteNotebookInstance")
    def delete(self, params: Params) -> Answer:
        """Remove a stopped instance."""
        self._move(params["NotebookInstanceName"], ("Stopped", "Failed"), "Deleting")
        return {}

    @operation("CreatePresignedNotebookInstanceUrl")
    def presign(self, params: Params) -> Answer:
        """Always refused: there is no Jupyter here to open."""
        self._instance(params["NotebookInstanceName"])
        raise ApiError(
            "ValidationException",
            "The embedded AWS keeps the state of notebook instances but runs no Jupyter, so there is no URL "
            "to open; deploy to AWS to work in the notebook.",
        )

    @operation("CreateNotebookInstanceLifecycleConfig")
    def create_config(self, params: Params) -> Answer:
        """Keep the scripts."""
        name = params["NotebookInstanceLifecycleConfigName"]
        arn = self._context.arn(_CONFIG, name)
        with self._store.transaction():
            if self._store.get(_CONFIG, name):
                raise ValidationException(
                    f"Unable to create Notebook Instance Lifecycle Config {arn}. (Details: Notebook Instance "
                    "Lifecycle Config already exists.)"
                )
            set_tags(self._context, arn, params.pop("Tags", None))
            created = now()
            times = {"CreationTime": created, "LastModifiedTime": created}
            self._store.put(_CONFIG, name, {**params, "NotebookInstanceLifecycleConfigArn": arn, **times})
        return {"NotebookInstanceLifecycleConfigArn": arn}

    @operation("DescribeNotebookInstanceLifecycleConfig")
    def describe_config(self, params: Params) -> Answer:
        """The scripts."""
        return self._config(params["NotebookInstanceLifecycleConfigName"])

    @operation("UpdateNotebookInstanceLifecycleConfig")
    def update_config(self, params: Params) -> Answer:
        """Other scripts, from the next start of an instance on."""
        with self._store.transaction():
            name = params["NotebookInstanceLifecycleConfigName"]
            self._store.put(_CONFIG, name, {**self._config(name), **params, "LastModifiedTime": now()})
        return {}

    @operation("ListNotebookInstanceLifecycleConfigs")
    def list_configs(self, params: Params) -> Answer:
        """Page through the lifecycle configurations."""
        name = "NotebookInstanceLifecycleConfigName"
        configs, token = page(listed(self._store.list(_CONFIG), params, name=name, order="Ascending"), params)
        return {"NotebookInstanceLifecycleConfigs": configs, "NextToken": token}

    @operation("DeleteNotebookInstanceLifecycleConfig")
    def delete_config(self, params: Params) -> Answer:
        """Remove the scripts; instances that name them keep the name."""
        with self._store.transaction():
            config = self._config(params["NotebookInstanceLifecycleConfigName"])
            self._store.delete(_CONFIG, config["NotebookInstanceLifecycleConfigName"])
            forget_tags(self._context, config["NotebookInstanceLifecycleConfigArn"])
        return {}

    def resume(self) -> None:
        """End the changes that were under way."""
        for record in self._store.list(_INSTANCE):
            if record["NotebookInstanceStatus"] in _NEXT:
                self._context.spawn(self._finish, record["NotebookInstanceName"])

    def close(self) -> None:
        """The threads end with the service."""

    def _check_role(self, name: str, role: str) -> None:
        """SageMaker takes the instance's role, and sends the output of its lifecycle scripts to its log.

        docs.aws.amazon.com/sagemaker/latest/dg/notebook-lifecycle-config.html
        """
        host = self._context.host
        try:
            host.credentials(role, "SageMaker")
            Permissions(host, role).log(_LOG_GROUP, f"{name}/LifecycleConfigOnStart")
        except (AccessDenied, JobFailed) as refused:
            raise ValidationException(str(refused)) from None

    def _members(self, params: Params) -> Record:
        """The request's members under the names that Describe gives them."""
        members = dict(params)
        if config := members.pop("LifecycleConfigName", None):
            self._config(config)
            members["NotebookInstanceLifecycleConfigName"] = config
        return members

    def _instance(self, name: str) -> Record:
        return self._context.find(_INSTANCE, name, ValidationException("RecordNotFound"))

    def _config(self, name: str) -> Record:
        missing = ValidationException(
            f"Unable to describe Notebook Instance Lifecycle Config '{self._context.arn(_CONFIG, name)}'. "
            "(Details: Notebook Instance Lifecycle Config does not exist.)"
        )
        return self._context.find(_CONFIG, name, missing)

    def _move(self, name: str, sources: tuple[str, ...], target: str, **members: object) -> None:
        with self._store.transaction():
            record = self._instance(name)
            status = record["NotebookInstanceStatus"]
            if status not in sources:
                raise ValidationException(
                    f"Status ({status}) not in ([{', '.join(sources)}]). Unable to transition to ({target}) "
                    f"for Notebook Instance ({record['NotebookInstanceArn']})"
                )
            changed = {**record, **members, "NotebookInstanceStatus": target}
            self._save({key: value for key, value in changed.items() if value is not None})
        self._context.spawn(self._finish, name)

    def _finish(self, name: str) -> None:
        if not self._context.sleep(_SECONDS):
            return
        with self._store.transaction():
            record = self._instance(name)
            target = _NEXT[record["NotebookInstanceStatus"]]
            if target is None:
                self._store.delete(_INSTANCE, name)
                forget_tags(self._context, record["NotebookInstanceArn"])
            else:
                self._save({**record, "NotebookInstanceStatus": target})

    def _save(self, record: Record) -> None:
        record["LastModifiedTime"] = now()
        self._store.put(_INSTANCE, record["NotebookInstanceName"], record)
        content = detail("DescribeNotebookInstance", record, milliseconds)
        self._context.emit(
            "SageMaker Notebook Instance State Change", content, [record["NotebookInstanceArn"]]
        )
