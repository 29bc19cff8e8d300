"""What people look at and are told: the dashboard, and the topic of all alarms."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from declaration import Async, Batch, Endpoint, Project, Served
from stacks.parts import metrics


class Observability(cdk.Stack):
    """Comes before what it watches, and knows it by name: the others' alarms need the topic."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        project: Project,
        key: kms.IKey,
        env: cdk.Environment | None = None,
    ) -> None:
        super().__init__(scope, id_, env=env, description=f"Sageloop: dashboard and alarms of {project.name}")
        self.topic = sns.Topic(
            self,
            "Notifications",
            topic_name=f"{project.name}-notifications",
            display_name=f"{project.name} alarms",
            master_key=key,
            enforce_ssl=True,
        )
        # A topic with a policy of its own has lost the default one, by which alarms of the account publish.
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="PublishAlarms",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={
                    "ArnLike": {
                        "aws:SourceArn": (
                            f"arn:{self.partition}:cloudwatch:{self.region}:{self.account}"
                            f":alarm:{project.name}-*"
                        )
                    }
                },
            )
        )
        if project.notify:
            self.topic.add_subscription(subscriptions.EmailSubscription(project.notify))
        dashboard = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=project.name)
        for row in _rows(project):
            dashboard.add_widgets(*row)
        cdk.CfnOutput(self, "DashboardName", value=project.name)
        cdk.CfnOutput(self, "TopicArn", value=self.topic.topic_arn)


def _rows(project: Project) -> list[list[cloudwatch.IWidget]]:
    name = project.name
    rows: list[list[cloudwatch.IWidget]] = []
    if project.endpoint:
        rows.append(_predictions(name, project.endpoint))
    rows.append(
        [
            _graph(
                "Events waiting", metrics.messages(f"{name}-retrain"), metrics.messages(f"{name}-promote")
            ),
            _graph("Dead letters", metrics.messages(f"{name}-dead-letters")),
            _graph(
                "Executions failed, deployments rolled back",
                metrics.rule(f"{name}-execution-failed"),
                metrics.rule(f"{name}-rolled-back"),
            ),
        ]
    )
    return rows


def _predictions(name: str, served: Served) -> list[cloudwatch.IWidget]:
    if isinstance(served, Batch):
        ended = (metrics.pipeline(f"{name}-batch", f"Execution{end}") for end in ("Succeeded", "Failed"))
        return [_graph("Files predicted, and not", *ended)]

    def line(metric: str, statistic: str) -> cloudwatch.IMetric:
        component = isinstance(served, Endpoint) and served.scale_to_zero
        return metrics.endpoint(name, metric, statistic, component=component)

    graphs: list[cloudwatch.IWidget] = [
        _graph("Calls a minute", line("Invocations", "Sum")),
        _graph("Model latency in µs", line("ModelLatency", "p50"), line("ModelLatency", "p99")),
        _graph(
            "Faults a minute: the client's, ours",
            line("Invocation4XXErrors", "Sum"),
            line("Invocation5XXErrors", "Sum"),
        ),
    ]
    if isinstance(served, Async):
        waiting = metrics.queue_of(name, "ApproximateBacklogSize", "Maximum")
        graphs.insert(0, _graph("Calls that wait", waiting))
    return graphs


def _graph(title: str, *lines: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=[*lines], width=8, height=6)
