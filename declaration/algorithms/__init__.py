"""How a model is learnt: by an algorithm of our image, of AWS, or of the user."""

from declaration.algorithms.container import Container
from declaration.algorithms.forecast import Forecast
from declaration.algorithms.forest import RandomForest
from declaration.algorithms.lightgbm import LightGBM
from declaration.algorithms.linear import ElasticNet
from declaration.algorithms.mlp import MLP
from declaration.algorithms.script import Script
from declaration.algorithms.xgboost import XGBoost
from declaration.builtin import BuiltIn

Algorithm = XGBoost | LightGBM | ElasticNet | RandomForest | MLP | Forecast | BuiltIn | Script | Container

__all__ = [
    "MLP",
    "Algorithm",
    "BuiltIn",
    "Container",
    "ElasticNet",
    "Forecast",
    "LightGBM",
    "RandomForest",
    "Script",
    "XGBoost",
]
