"""`make abort-release`: undoes the release that is under way.

The alarm that is set measures nothing. SageMaker looks at it while the endpoint changes over, and a release that has
not come so far finds it before it begins. Where nothing is released it does nothing, and the next release forgets it.
"""

from __future__ import annotations

from typing import Any

from tools.operate.platform import Platform, Refused
from tools.telling import Teller


def abort_release(platform: Platform, teller: Teller, reason: str = "") -> None:
    if not reason.strip():
        raise Refused("expected REASON='what you have seen', which is kept in the alarm's history, got none")
    cloudwatch: Any = platform.client("cloudwatch")
    name = f"{platform.prefix}-guard-abort"
    if not cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]:
        raise Refused(f"there is no alarm {name}: make deploy makes it")
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason=reason)
    teller.say(f"{name} is set: what serves now goes on serving; make status says when the release is undone")
