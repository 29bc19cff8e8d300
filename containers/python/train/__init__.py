"""Training job: a training set becomes an XGBoost model with its schema beside it."""
