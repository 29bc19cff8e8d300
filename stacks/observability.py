"""What people look at and are told: the dashboard, and the topics that alarms publish to."""

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
    """Comes before what it watches, and knows it by name: the others' alarms need the topics.

    People are told by `topic`. By `signals` programs hear of alarms that people are told of in more words.
    """

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
        self.topic = self._topic(project, key, "Notifications", "news")
        self.signals = self._topic(project, key, "Signals", "signals")
        for email in project.emails:
            self.topic.add_subscription(subscriptions.EmailSubscription(email))
        dashboard = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=project.name)
        for row in _rows(project):
            dashboard.add_widgets(*row)
        cdk.CfnOutput(self, "DashboardName", value=project.name)
        cdk.CfnOutput(self, "TopicArn", value=self.topic.topic_arn)
        cdk.CfnOutput(self, "SignalsTopicArn", value=self.signals.topic_arn)

    def _topic(self, project: Project, key: kms.IKey, id_: str, shown: str) -> sns.Topic:
        """A topic that the project's alarms, and whoever has the right, may publish to."""
        topic = sns.Topic(
            self,
            id_,
            topic_name=f"{project.name}-{id_.lower()}",
            display_name=f"{project.name} {shown}",
            master_key=key,
            enforce_ssl=True,
        )
        # A topic with a policy of its own has lost the default one, by which alarms of the account publish.
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="PublishAlarms",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
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
        return topic


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
    if project.watched:
        rows.append(_looks(name))
    return rows


def _looks(name: str) -> list[cloudwatch.IWidget]:
    """What the looks at the calls have found: their differences from the training set, and the truth."""
    return [
        _graph(
            "Calls against the training set (PSI): worst feature, predictions",
            metrics.of_project(name, "LargestPsi"),
            metrics.of_project(name, "PredictionPsi"),
        ),
        _graph("Live metric", metrics.of_project(name, "LiveMetric")),
        _graph("Rows looked at", metrics.of_project(name, "CapturedRows")),
    ]


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
