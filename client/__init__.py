"""A typed client of the platform's API: `api.py` is made from docs/openapi.json, the rest says how it asks."""

from client.api import Api
from client.errors import ApiError
from client.signing import Iam, Token

__all__ = ["Api", "ApiError", "Iam", "Token"]
