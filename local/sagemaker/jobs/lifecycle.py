"""What all jobs share: they wait for a free place, run in a worker thread, can be stopped, and end in one state."""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from .. import listing
from ..containers import Container
from ..context import Context
from ..errors import ApiError, validation
from ..images import ImageUnavailable
from ..objects import MissingObjects
from ..protocol import CONTROL_PLANE, project, service_model

_log = logging.getLogger(__name__)
_REASON_LIMIT = 1024
_DAY = 24 * 3600


class JobFailed(Exception):
    """The job's own fault; the text becomes FailureReason, the members are stored with it."""

    def __init__(self, reason: str, **members: Any) -> None:
        super().__init__(reason)
        self.members = members


class JobStopped(Exception):
    """The job ended because of Stop or because its time was up; `members` are stored with the state."""

    def __init__(self, **members: Any) -> None:
        super().__init__("stopped")
        self.members = members


class Stop:
    """The wish that one job end; set by any thread, seen by the job's own."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._container: Container | None = None

    @property
    def requested(self) -> bool:
        return self._event.is_set()

    def request(self) -> None:
        with self._lock:
            self._event.set()
            container = self._container
        if container:
            container.stop()

    def check(self) -> None:
        """Raise `JobStopped` if the job should not go on."""
        if self.requested:
            raise JobStopped

    def attach(self, container: Container) -> None:
        with self._lock:
            self._container = container
            requested = self.requested
        if requested:
            container.stop()


class Places:
    """The places in which jobs run; jobs of every kind share them."""

    def __init__(self, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="sagemaker-job")

    def submit(self, run: Callable[[], None]) -> None:
        self._pool.submit(run)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def wait_for(container: Container, limit: float, stop: Stop) -> tuple[int, bool]:
    """Wait for a container at most `limit` seconds; returns its exit code and whether its time was up."""
    stop.attach(container)
    try:
        return container.wait(limit), False
    except subprocess.TimeoutExpired:
        return container.stop(), True


def cut_reason(reason: str) -> str:
    """Return a failure reason within the API's 1,024 characters, keeping the end: there the error stands."""
    if len(reason) <= _REASON_LIMIT:
        return reason
    head, tail = reason[:120], reason[-(_REASON_LIMIT - 125) :]
    return f"{head} ... {tail}"


class Jobs(ABC):
    """The operations of one kind of job. A subclass says how to run one: `run(document, stop) -> final members`.

    Stored documents: the request, `<Kind>JobArn`, `<Kind>JobStatus` (InProgress, Stopping, then Completed, Failed or
    Stopped), CreationTime, LastModifiedTime, `<Kind>StartTime`, `<Kind>EndTime`, FailureReason.
    """

    kind: ClassVar[str]
    maximum_runtime = _DAY

    def __init__(self, context: Context, places: Places) -> None:
        self.context = context
        self._places = places
        self.table = context.store.table(self.kind)
        self._stops: dict[str, Stop] = {}
        self.name_key, self.arn_key = f"{self.kind}JobName", f"{self.kind}JobArn"
        self.status_key = f"{self.kind}JobStatus"
        for document in self.table.all():
            if document[self.status_key] in ("InProgress", "Stopping"):
                self._finish(document, "Failed", FailureReason="InternalServerError: the local AWS ended meanwhile.")

    def check(self, request: dict[str, Any]) -> None:
        """Raise an `ApiError` for what this machine cannot do; called before the job exists."""
        return None

    def initial(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return further members of a new job's document."""
        return {}

    @abstractmethod
    def run(self, document: dict[str, Any], stop: Stop) -> dict[str, Any]:
        """Do the work; returns members to store with Completed. Raises `JobFailed` or `JobStopped`."""

    def operations(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        """Return the handlers by operation name."""
        return {
            f"Create{self.kind}Job": self.create,
            f"Describe{self.kind}Job": self.describe,
            f"List{self.kind}Jobs": self.list,
            f"Stop{self.kind}Job": self.stop,
            f"Delete{self.kind}Job": self.delete,
        }

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request[self.name_key]
        self.check(request)
        self.context.surroundings.require_role(request.get("RoleArn"))
        arn = self.context.settings.arn(f"{self.kind.lower()}-job", name)
        now = time.time()
        document = {
            **request,
            self.arn_key: arn,
            self.status_key: "InProgress",
            "CreationTime": now,
            "LastModifiedTime": now,
            **self.initial(request),
        }
        tags = document.pop("Tags", None)
        taken = ApiError("ResourceInUse", f"Job name must be unique within an AWS account and region, and a {self.kind}"
                         f" job with this name already exists ({arn})")  # fmt: skip
        self.table.create(name, document, lambda: taken)
        self.context.tags.set_initial(arn, tags)
        self._stops[name] = Stop()
        self._places.submit(lambda: self._work(name))
        return {self.arn_key: arn}

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        return self.find(request[self.name_key])

    def find(self, name: str) -> dict[str, Any]:
        if (document := self.table.get(name)) is None:
            raise self.missing(name)
        return document

    def missing(self, name: str) -> ApiError:
        return validation(f"Could not find requested job with name: {name}")

    def list(self, request: dict[str, Any]) -> dict[str, Any]:
        answer = service_model(CONTROL_PLANE).operation_model(f"List{self.kind}Jobs").output_shape
        assert answer is not None
        summary = answer.members[f"{self.kind}JobSummaries"].member
        items, token = listing.page(self.table.all(), request, name=self.name_key, status=self.status_key)
        return {f"{self.kind}JobSummaries": [project(item, summary) for item in items], "NextToken": token}

    def stop(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request[self.name_key]
        document = self.find(name)
        if document[self.status_key] not in ("InProgress", "Stopping"):
            raise validation(
                f"The request was rejected because the {self.kind.lower()} job is in status "
                f"{document[self.status_key]}."
            )
        if f"{self.kind}StartTime" not in document:
            self._finish(document, "Stopped")
            return {}
        self.table.change(name, **{self.status_key: "Stopping"})
        if wish := self._stops.get(name):
            # SIGTERM and its grace period take time that the caller need not wait for.
            threading.Thread(target=wish.request, daemon=True).start()
        return {}

    def delete(self, request: dict[str, Any]) -> dict[str, Any]:
        document = self.find(request[self.name_key])
        if document[self.status_key] in ("InProgress", "Stopping"):
            raise ApiError("ResourceInUse", f"The job {request[self.name_key]} is still running.")
        self.table.delete(request[self.name_key])
        self.context.tags.forget(document[self.arn_key])
        return {}

    def _work(self, name: str) -> None:
        stop = self._stops[name]
        document = self.table.get(name)
        if document is None or document[self.status_key] == "Stopped":
            return  # deleted or stopped while it waited for a place
        try:
            if stop.requested:
                raise JobStopped
            document = self.table.change(name, **{f"{self.kind}StartTime": time.time()}) or document
            self._ask_keys(document)
            self._finish(document, "Completed", **self.run(document, stop))
        except JobStopped as end:
            self._finish(document, "Stopped", **end.members)
        except JobFailed as end:
            self._finish(document, "Failed", FailureReason=cut_reason(str(end)), **end.members)
        except (MissingObjects, ImageUnavailable) as end:
            self._finish(document, "Failed", FailureReason=cut_reason(str(end)))
        except Exception as error:
            _log.exception("%s job %s broke", self.kind, name)
            self._finish(document, "Failed", FailureReason=cut_reason(f"InternalServerError: {error!r}"))
        finally:
            self._stops.pop(name, None)

    def role(self, document: dict[str, Any]) -> str:
        """Return the role in whose name the job reads and writes."""
        return document.get("RoleArn", "")

    def _ask_keys(self, document: dict[str, Any]) -> None:
        """Volumes are encrypted by a grant of the job's role, outputs with the key itself."""
        asked = (("kms:CreateGrant", "VolumeKmsKeyId"), ("kms:Encrypt", "KmsKeyId"))
        try:
            for action, member in asked:
                if role := self.role(document):
                    for key in dict.fromkeys(_named(document, member)):
                        self.context.surroundings.encrypts(role, action, key)
        except PermissionError as denied:
            raise JobFailed(f"ClientError: {denied}") from denied

    def _finish(self, document: dict[str, Any], status: str, **members: Any) -> None:
        if self.context.closing.is_set():
            return
        # The last lines must be readable when the state says that the job has ended.
        self.context.logs.flush()
        final = self.table.change(
            document[self.name_key], **{self.status_key: status, f"{self.kind}EndTime": time.time()}, **members
        )
        if final:
            kept = ("FailureReason", "SecondaryStatus", "ExitMessage", "ModelArtifacts")
            self.context.events.publish(
                f"SageMaker {self.kind} Job State Change",
                final[self.arn_key],
                {
                    self.name_key: final[self.name_key],
                    self.arn_key: final[self.arn_key],
                    self.status_key: status,
                    **{key: final[key] for key in kept if key in final},
                },
            )


def _named(document: object, member: str) -> Iterator[str]:
    """Every value of a member, however deep it lies."""
    if isinstance(document, dict):
        if isinstance(value := document.get(member), str):
            yield value
        document = list(document.values())
    if isinstance(document, list):
        for inner in document:
            yield from _named(inner, member)
