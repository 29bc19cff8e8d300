"""What SageMaker runs: a declared project compiled to pipeline definitions, which are JSON."""
