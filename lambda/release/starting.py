"""An approval starts a run of the release's state machine, and waits while another of its problem runs."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from scoring import documents
from scoring.refusals import code_of

from release.promotion import EndpointBusy

RUN = "run"  # an item of the table of releases: `fraud/run` names the run that was started last


@dataclass(frozen=True)
class Start:
    """Clients of Step Functions and DynamoDB, the machine's ARN, the table of releases; names begin with `prefix`."""

    machines: Any
    dynamodb: Any
    machine: str
    prefix: str
    releases: str

    def start(self, package: str, group: str, approved_at: str) -> dict:
        """What was started last stands in an item, for a list of runs may miss what has just begun. It is written
        before the run begins, as the successor of what was read: of two that read the same, one starts nothing.

        Raises Conflict and EndpointBusy.
        """
        problem = group.removeprefix(f"{self.prefix}-")
        version = package.rpartition("/")[2]
        name = f"{problem}-{version}-{re.sub('[^0-9A-Za-z]', '', approved_at)}"
        execution = f"{self.machine.replace(':stateMachine:', ':execution:')}:{name}"
        last = documents.read(self.dynamodb, self.releases, f"{problem}/{RUN}", {"execution": None})
        if last.body["execution"] != execution:
            if last.body["execution"] and self._runs(last.body["execution"]):
                other = last.body["execution"].rpartition(":")[2]
                raise EndpointBusy(f"{group}-v{version} waits: {other} is being released")
            documents.write(self.dynamodb, self.releases, f"{problem}/{RUN}", {"execution": execution}, last)
        try:
            self.machines.start_execution(
                stateMachineArn=self.machine,
                name=name,
                input=json.dumps({"package": package, "group": group, "approved_at": approved_at}),
            )
        except Exception as refused:
            if code_of(refused) != "ExecutionAlreadyExists":
                raise
            return {"started": False, "reason": f"{name} was started before"}  # the queue delivers at least once
        return {"started": True, "model_name": f"{group}-v{version}", "execution": name}

    def _runs(self, execution: str) -> bool:
        try:
            return self.machines.describe_execution(executionArn=execution)["status"] == "RUNNING"
        except Exception as refused:
            if code_of(refused) != "ExecutionDoesNotExist":  # forgotten after ninety days
                raise
            return False
