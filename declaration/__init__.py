"""What a user declares: frozen values that are checked when they are made.

A wrong declaration raises DeclarationError, whose text is one sentence per problem.
"""

from declaration.algorithms import (
    MLP,
    Algorithm,
    BuiltIn,
    Container,
    ElasticNet,
    Forecast,
    LightGBM,
    RandomForest,
    Script,
    XGBoost,
)
from declaration.batch import Batch
from declaration.builtin import Channel, JumpStart
from declaration.capacity import Capacity
from declaration.clients import Client
from declaration.code import Code
from declaration.compute import Compute
from declaration.data import Data
from declaration.deployment import OnApproval, OnGate
from declaration.endpoint import Endpoint
from declaration.errors import DeclarationError, Problem, report_without_traceback
from declaration.gate import Fair, Gate
from declaration.notify import Webhook
from declaration.project import Project, Served
from declaration.queued import Async
from declaration.ranges import Categorical, Continuous, Integer, Range
from declaration.rollout import AllAtOnce, Canary, Linear, Rolling, Shadow
from declaration.serverless import Serverless
from declaration.triggers import Every, OnNewData
from declaration.tuning import Tuning
from declaration.watching import OnDrift, OnQuality
from declaration.window import Everything, Last, WarmStart
from declaration.workbench import Workbench

__all__ = [
    "MLP",
    "Algorithm",
    "AllAtOnce",
    "Async",
    "Batch",
    "BuiltIn",
    "Canary",
    "Capacity",
    "Categorical",
    "Channel",
    "Client",
    "Code",
    "Compute",
    "Container",
    "Continuous",
    "Data",
    "DeclarationError",
    "ElasticNet",
    "Endpoint",
    "Every",
    "Everything",
    "Fair",
    "Forecast",
    "Gate",
    "Integer",
    "JumpStart",
    "Last",
    "LightGBM",
    "Linear",
    "OnApproval",
    "OnDrift",
    "OnGate",
    "OnNewData",
    "OnQuality",
    "Problem",
    "Project",
    "RandomForest",
    "Range",
    "Rolling",
    "Script",
    "Served",
    "Serverless",
    "Shadow",
    "Tuning",
    "WarmStart",
    "Webhook",
    "Workbench",
    "XGBoost",
]

report_without_traceback()
