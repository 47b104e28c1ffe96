"""The document door: what the API takes and answers, as OpenAPI says it."""
