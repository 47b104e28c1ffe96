"""Which worker runs which file: the longest first, and Spark on two workers only.

A Java machine with Spark takes more than a gigabyte, so files that need the session of `tests/conftest.py` go to the
first workers; the others run what mostly waits, for Terraform or for a job. A file stays whole, but for a few: its
tests share what its fixtures have built.
"""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

SPARK_WORKERS = ("gw0", "gw1")
SPARK_FOLDERS = ("tests/spark/", "tests/parity/")

# What takes minutes, the longest first. A file that is not named counts by its number of tests.
LONGEST = (
    "tests/integration/test_main_job.py",
    "tests/integration/test_runbooks.py",
    "tests/integration/test_faults.py",
    "tests/delivery/test_steps.py",
    "tests/simulation/test_schedules.py",
    "tests/parity/test_broken_lines.py",
    "tests/parity/test_through_the_lake.py",
    "tests/spark/test_nights.py",
    "tests/spark/test_running_again.py",
    "tests/spark/test_stopped_batches.py",
    "tests/spark/test_lake_jobs.py",
    "tests/parity/test_spark_and_incremental.py",
    "tests/parity/test_doors_and_job.py",
    "tests/spark/test_history.py",
    "tests/spark/test_quality_gate.py",
    "tests/spark/test_reopening.py",
    "tests/terraform/test_modules.py",
    "tests/integration/test_forgetting.py",
    "tests/integration/test_publication.py",
    "tests/integration/test_sagemaker_endpoints.py",
    "tests/integration/test_sagemaker_pipelines.py",
    "tests/integration/test_second_opinion.py",
    "tests/integration/test_local_server.py",
)

# Files whose tests share nothing and are long: each of them may run anywhere.
SPREAD = ("tests/simulation/test_schedules.py",)


class LongestFirst(LoadFileScheduling):
    """As `--dist loadfile`, with an order, with files that only some workers take and files that all share."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return nodeid if file in SPREAD else file

    def _assign_work_unit(self, node: WorkerController) -> None:
        chosen = self.choice(node)
        if chosen is None:
            node.shutdown()
            return
        self.workqueue.move_to_end(chosen, last=False)
        super()._assign_work_unit(node)

    def choice(self, node: WorkerController) -> str | None:
        """The longest waiting file that this worker may take; Spark's workers prefer Spark's files."""
        takes_spark = node.gateway.id in SPARK_WORKERS or len(self.nodes) <= len(SPARK_WORKERS)
        allowed = [scope for scope in self.workqueue if takes_spark or not needs_spark(scope)]
        return min(allowed, key=lambda scope: self.place(scope, takes_spark), default=None)

    def place(self, scope: str, takes_spark: bool) -> tuple[bool, int, int]:
        file, _, _ = scope.partition("::")
        position = LONGEST.index(file) if file in LONGEST else len(LONGEST)
        return (takes_spark and not needs_spark(scope), position, -len(self.workqueue[scope]))


def needs_spark(scope: str) -> bool:
    return scope.startswith(SPARK_FOLDERS)
