"""SageMaker Pipelines, written with the Python SDK and rendered once to JSON by `make package`."""
