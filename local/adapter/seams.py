"""The parts of ministack that the adapter hangs on to: in one place, and checked when the server starts.

They are internals, pinned by version. What moved is named at the start, not found out in the middle of a run.
"""

import importlib
import inspect
from typing import Any


class SeamMoved(Exception):
    """The installed ministack is not the one that this adapter was written for."""


def _module(name: str) -> Any:
    return importlib.import_module(f"ministack.{name}")


uvicorn: Any = importlib.import_module("uvicorn")
uvloop: Any = importlib.import_module("uvloop")
app = _module("app")
responses = _module("core.responses")
persistence = _module("core.persistence")
router = _module("core.router")
sigv4 = _module("core.sigv4")
iam_actions = _module("core.iam_actions")
iam_evaluator = _module("core.iam_evaluator")
lambda_runtime = _module("core.lambda_runtime")
apigateway = _module("services.apigateway_v1")
cloudformation = _module("services.cloudformation")
stacks = _module("services.cloudformation.stacks")
provisioners = _module("services.cloudformation.provisioners")
cloudwatch = _module("services.cloudwatch")
dynamodb = _module("services.dynamodb")
ec2 = _module("services.ec2")
ecr = _module("services.ecr")
eventbridge = _module("services.eventbridge")
iam = _module("services.iam")
kms = _module("services.kms")
lambda_svc = _module("services.lambda_svc")
logs = _module("services.cloudwatch_logs")
s3 = _module("services.s3")
sns = _module("services.sns")
sqs = _module("services.sqs")
sts = _module("services.sts")

# What is called or replaced: (module, name, parameters that the adapter relies on; None: not a function).
_RELIED_ON: list[tuple[Any, str, str | None]] = [
    (app, "app", "scope receive send"),
    (app, "SERVICE_HANDLERS", None),
    (app, "_build_persistence_save_dict", ""),
    (router, "SERVICE_PATTERNS", None),
    (responses, "request_scope", "account_id region"),
    (persistence, "save_state", "service data"),
    (iam_actions, "extract_iam_action", "service method path headers body query_params"),
    (
        iam_actions,
        "extract_resource_arn",
        "service method path headers body query_params region account_id",
    ),
    (iam_actions, "request_tag_context", "service iam_action body params"),
    (iam_actions, "SERVICE_TO_IAM_NAMESPACE", None),
    (iam_actions, "_auth_failure", "service code message headers"),
    (iam_evaluator, "enforce", "access_key_id iam_action service region resource_arn service_context"),
    (iam_evaluator, "evaluate", "ctx policies limits"),
    (iam_evaluator, "resolve_credential", "access_key_id account_id session_token"),
    (iam_evaluator, "resolve_principal", "access_key_id account_id credential"),
    (iam_evaluator, "_names_condition_key", "policies prefix"),
    (iam_evaluator, "evaluate_resource_policy", "doc ctx service named_only direct_only"),
    (iam_evaluator, "combine_resource_policy", "identity ctx policy owner_account required limits"),
    (iam_evaluator, "evaluate_trust_policy", "trust_doc caller_arn ctx"),
    (iam_evaluator, "pin_signed_request", "method raw_path query_params raw_headers handshake"),
    (sigv4, "SIGNATURE_MISMATCH", None),
    (apigateway, "_gw_error", "response_type message"),
    (apigateway, "_media_type_matches", "media_type binary_media_types"),
    (apigateway, "_extract_lambda_ref_from_integration_uri", "uri"),
    (apigateway, "_invoke_lambda_proxy_v1", None),
    (apigateway, "_rest_apis", None),
    (apigateway, "_stages_v1", None),
    (
        apigateway,
        "_handle_execute_in_scope",
        "api_id stage_name method path headers body query_params owner_account_id owner_region",
    ),
    (provisioners, "_RESOURCE_HANDLERS", None),
    (provisioners, "_REPLACING_PROPERTIES", None),
    (provisioners, "_STACK_TAG_PROPERTY", None),
    (stacks, "_runs_on_worker_thread", "resource_type"),
    (
        stacks,
        "_add_event",
        "stack_id stack_name logical_id resource_type status reason physical_id detailed_status",
    ),
    (cloudwatch, "_evaluate_alarm", "alarm"),
    (cloudwatch, "_evaluate_all_alarms", ""),
    (cloudwatch, "_dispatch_alarm_actions", "alarm old_state new_state reason"),
    (cloudwatch, "_store_datum", "namespace name dims ts unit value values counts stat_values"),
    (eventbridge, "_put_events", "data allow_aws_source"),
    (eventbridge, "_invoke_target", "target event rule view"),
    (ec2, "_vpce_fields_xml", "ep tag"),
    (ec2, "_vpc_endpoints", None),
    (ec2, "_flow_logs", None),
    (ec2, "_subnets", None),
    (s3, "_bucket_logging_config", None),
    (lambda_svc, "_create_function", "data"),
    (lambda_svc, "_update_config", "name data"),
    (sqs, "queue_policy_allows", None),
    (sqs, "_act_send_message", "data qurl"),
    (sqs, "_HANDLERS", None),
    (sqs, "_Err", None),
    (sns, "topic_policy_allows", None),
    (sts, "register_session", "access_key session"),
]


def check() -> None:
    """Raise SeamMoved, naming every part that is not as the adapter needs it."""
    moved = []
    for module, name, parameters in _RELIED_ON:
        found = getattr(module, name, None)
        if found is None:
            moved.append(f"{module.__name__}.{name} is gone")
        elif parameters is not None:
            actual = " ".join(inspect.signature(found).parameters)
            if actual != parameters:
                moved.append(f"{module.__name__}.{name} takes ({actual}), not ({parameters})")
    if moved:
        raise SeamMoved(
            f"ministack changed under the embedded AWS: {'; '.join(moved)}. "
            "Install the version that local/requirements.txt pins."
        )
