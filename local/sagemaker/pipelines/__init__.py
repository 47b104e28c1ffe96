"""SageMaker Pipelines: definitions, executions and the interpreter that runs them."""
