"""What a user declares: frozen values that are checked when they are made.

A wrong declaration raises DeclarationError, whose text is one sentence per problem.
"""

from declaration.algorithms import XGBoost
from declaration.capacity import Capacity
from declaration.data import Data
from declaration.endpoint import Endpoint, Serverless
from declaration.errors import DeclarationError, Problem, report_without_traceback
from declaration.gate import Gate
from declaration.project import Project
from declaration.retraining import Every, OnNewData
from declaration.rollout import AllAtOnce, Canary, Linear
from declaration.workbench import Workbench

__all__ = [
    "AllAtOnce",
    "Canary",
    "Capacity",
    "Data",
    "DeclarationError",
    "Endpoint",
    "Every",
    "Gate",
    "Linear",
    "OnNewData",
    "Problem",
    "Project",
    "Serverless",
    "Workbench",
    "XGBoost",
]

report_without_traceback()
