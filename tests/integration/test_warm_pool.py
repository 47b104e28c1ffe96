"""A Glue job gets a Java machine that has run before, and finds nothing of the job that had it."""

from __future__ import annotations

JOB = """
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print("JAVA", spark._jvm.java.lang.ProcessHandle.current().pid())
print("LEFT", spark.conf.get("spark.test.left", "nothing"), len(spark.catalog.listTables()))
spark.conf.set("spark.test.left", "something")
spark.range(3).createOrReplaceTempView("left")
if "--fail" in sys.argv:
    raise ValueError("as asked")
"""


def test_a_java_machine_serves_one_job_after_another_until_one_of_them_fails(aws):
    bucket, glue = aws.bucket(), aws.client("glue")
    aws.client("s3").put_object(Bucket=bucket, Key="job.py", Body=JOB.encode())
    name = aws.name("job")
    command = {"Name": "glueetl", "ScriptLocation": f"s3://{bucket}/job.py"}
    glue.create_job(
        Name=name, Role=aws.role(), Command=command, GlueVersion="5.1", WorkerType="G.1X", NumberOfWorkers=2
    )

    def run(**arguments: str) -> tuple[str, list[str]]:
        run_id = glue.start_job_run(JobName=name, Arguments={f"--{k}": v for k, v in arguments.items()})["JobRunId"]

        def ended() -> str | None:
            state = glue.get_job_run(JobName=name, RunId=run_id)["JobRun"]["JobRunState"]
            return state if state in ("SUCCEEDED", "FAILED") else None

        state = aws.wait(ended)
        lines = aws.wait(lambda: aws.log("/aws-glue/jobs/output", logStreamNames=[run_id]))
        return state, [line for line in lines if line.startswith(("JAVA", "LEFT"))]

    first, second, failed, fourth = run(), run(), run(fail="yes"), run()

    assert [state for state, _ in (first, second, failed, fourth)] == ["SUCCEEDED", "SUCCEEDED", "FAILED", "SUCCEEDED"]
    assert first[1][0] == second[1][0] == failed[1][0], "one Java machine"
    assert fourth[1][0] != failed[1][0], "another one after a failure"
    assert {lines[1] for _, lines in (first, second, failed, fourth)} == {"LEFT nothing 0"}
