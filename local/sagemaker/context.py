"""What every part of the server shares."""

from __future__ import annotations

import threading

from .aws import Aws
from .containers import Containers
from .events import Events
from .logs import LogShipper
from .settings import Settings
from .store import Store
from .surroundings import Surroundings
from .tags import Tags


class Context:
    """One server's state, clients and containers."""

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        settings.root.mkdir(parents=True, exist_ok=True)
        # Once set, nobody may take a container's end for the end of its job: the next start tells what was cut off.
        self.closing = threading.Event()
        self.settings, self.surroundings = settings, surroundings
        self.store = Store(settings.root)
        self.tags = Tags(self.store)
        self.aws = Aws(settings, surroundings.credentials)
        self.events = Events(surroundings.deliver)
        self.logs = LogShipper(self.aws)
        self.containers = Containers(settings, self.logs, surroundings)

    def close(self) -> None:
        self.containers.close()
        self.logs.close()
        self.events.close()
        self.store.close()
