"""What every part of the server shares."""

from __future__ import annotations

import threading

from .aws import Aws
from .containers import Containers
from .events import Deliver, Events
from .logs import LogShipper
from .settings import Settings
from .store import Store
from .tags import Tags


class Context:
    """One server's state, clients and containers."""

    def __init__(self, settings: Settings, deliver: Deliver) -> None:
        settings.root.mkdir(parents=True, exist_ok=True)
        # Once set, nobody may take a container's end for the end of its job: the next start tells what was cut off.
        self.closing = threading.Event()
        self.settings = settings
        self.store = Store(settings.root)
        self.tags = Tags(self.store)
        self.aws = Aws(settings)
        self.events = Events(deliver)
        self.logs = LogShipper(self.aws)
        self.containers = Containers(settings, self.logs)

    def close(self) -> None:
        self.containers.close()
        self.logs.close()
        self.events.close()
        self.store.close()
