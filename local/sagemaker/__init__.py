"""SageMaker on one machine: the API from botocore's service models, every container a real process.

It knows no emulator. `SageMaker(settings, surroundings).handle_request(...)` answers one request of any of the four
services; `app.app(settings)` is the same as an ASGI application, `pytest_plugin` as a fixture.
"""

from .server import SageMaker
from .settings import Settings
from .surroundings import Surroundings

__all__ = ["SageMaker", "Settings", "Surroundings"]
