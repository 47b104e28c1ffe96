"""State machines wait for real work, events and schedules start it, alarms notice it."""

from __future__ import annotations

import json
import re
import urllib.parse
import urllib.request
from datetime import UTC, datetime

import pytest

from local import limits

SHELL = """
import sys, time
seconds = float(sys.argv[sys.argv.index("--seconds") + 1])
time.sleep(seconds)
if seconds == 0:
    raise KeyError("zero")
"""
NOTE = "import json\ndef handler(event, context): print('EVENT', json.dumps(event))"


@pytest.fixture
def machine(aws):
    """Make a state machine of one task; its ARN."""

    def make(resource: str, parameters: dict, **state) -> str:
        task = {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True, **state}
        states = {"task": task, **({"caught": {"Type": "Pass", "End": True}} if "Catch" in state else {})}
        group = f"/aws/vendedlogs/states/{aws.name('m')}"
        aws.client("logs").create_log_group(logGroupName=group)
        arn = f"arn:aws:logs:{aws.aws.region}:000000000000:log-group:{group}:*"
        make.group = group  # type: ignore[attr-defined]
        return aws.client("stepfunctions").create_state_machine(
            name=aws.name("machine"),
            roleArn=aws.role(),
            definition=json.dumps({"StartAt": "task", "States": states}),
            loggingConfiguration={
                "level": "ALL",
                "includeExecutionData": True,
                "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": arn}}],
            },
        )["stateMachineArn"]

    return make


@pytest.fixture
def shell_job(aws) -> str:
    bucket, name = aws.bucket(), aws.name("job")
    aws.client("s3").put_object(Bucket=bucket, Key="job.py", Body=SHELL)
    command = {"Name": "pythonshell", "ScriptLocation": f"s3://{bucket}/job.py"}
    aws.client("glue").create_job(Name=name, Role=aws.role(), Command=command)
    return name


def start(aws, arn: str, **values) -> str:
    return aws.client("stepfunctions").start_execution(stateMachineArn=arn, input=json.dumps(values))["executionArn"]


def outcome(aws, arn: str, **values) -> dict:
    execution = start(aws, arn, **values)
    describe = aws.client("stepfunctions").describe_execution
    return aws.wait(lambda: (found := describe(executionArn=execution))["status"] != "RUNNING" and found)


def job_parameters(job: str) -> dict:
    return {"JobName": job, "Arguments": {"--seconds.$": "$.seconds"}}


def test_a_glue_task_waits_for_the_run_and_gives_its_description(aws, machine, shell_job):
    arn = machine("arn:aws:states:::glue:startJobRun.sync", job_parameters(shell_job))
    found = outcome(aws, arn, seconds="0.5")
    output = json.loads(found["output"])
    assert (output["JobRunState"], output["JobName"]) == ("SUCCEEDED", shell_job)
    assert output["StartedOn"] > 1_700_000_000_000
    assert any('"TaskSucceeded"' in line for line in aws.log(machine.group))


def test_a_failed_run_can_be_caught_and_tells_why(aws, machine, shell_job):
    catch = [{"ErrorEquals": ["States.TaskFailed"], "Next": "caught"}]
    arn = machine("arn:aws:states:::glue:startJobRun.sync", job_parameters(shell_job), Catch=catch)
    caught = json.loads(outcome(aws, arn, seconds="0")["output"])
    assert caught["Error"] == "States.TaskFailed"
    assert json.loads(caught["Cause"])["ErrorMessage"].startswith("KeyError: 'zero'")


@pytest.mark.parametrize(
    ("resource", "parameters", "error"),
    [
        ("glue:startJobRun.sync", {"JobName": "missing"}, "Glue.EntityNotFoundException"),
        ("aws-sdk:sagemaker:describeModel", {"ModelName": "missing"}, "SageMaker.SageMakerException"),
        ("aws-sdk:ssm:getParameter", {"Name": "/missing"}, "Ssm.ParameterNotFoundException"),
    ],
)
def test_an_api_error_has_the_name_of_its_service(aws, machine, resource: str, parameters: dict, error: str):
    assert outcome(aws, machine(f"arn:aws:states:::{resource}", parameters))["error"] == error


def test_a_definition_that_cannot_work_is_refused(aws, machine):
    invalid = aws.client("stepfunctions").exceptions.InvalidDefinition
    for resource in (
        "aws-sdk:nosuchservice:doIt",
        "aws-sdk:s3:noSuchThing",
        "glue:noSuchThing",
        "batch:submitJob.sync",
    ):
        with pytest.raises(invalid, match=re.escape(resource)):
            machine(f"arn:aws:states:::{resource}", {})


def test_a_machine_keeps_its_own_time(aws):
    definition = {
        "StartAt": "wait",
        "TimeoutSeconds": 1,
        "States": {"wait": {"Type": "Wait", "Seconds": 2, "Next": "end"}, "end": {"Type": "Fail", "Error": "Late"}},
    }
    arn = aws.client("stepfunctions").create_state_machine(
        name=aws.name("machine"), roleArn=aws.role(), definition=json.dumps(definition)
    )["stateMachineArn"]
    found = outcome(aws, arn)
    assert (found["status"], found["error"]) == ("TIMED_OUT", "States.Timeout")


def test_an_input_that_is_too_large_is_refused(aws, machine):
    arn = machine("arn:aws:states:::aws-sdk:ssm:getParameter", {"Name": "x"})
    with pytest.raises(aws.client("stepfunctions").exceptions.InvalidExecutionInput, match="exceeds the maximum"):
        start(aws, arn, text="x" * limits.STATE_PAYLOAD)


def test_a_function_s_answer_that_is_too_large_fails_its_state(aws, machine):
    function = aws.function(f"def handler(event, context): return 'x' * {limits.STATE_PAYLOAD}")
    found = outcome(aws, machine("arn:aws:states:::lambda:invoke", {"FunctionName": function}))
    assert found["error"] == "States.DataLimitExceeded"


def test_stopping_an_execution_stops_the_job(aws, machine, shell_job):
    arn = machine("arn:aws:states:::glue:startJobRun.sync", job_parameters(shell_job))
    execution = start(aws, arn, seconds="60")
    runs = lambda: aws.client("glue").get_job_runs(JobName=shell_job)["JobRuns"]  # noqa: E731
    aws.wait(lambda: runs() and runs()[0]["JobRunState"] == "RUNNING")
    aws.client("stepfunctions").stop_execution(executionArn=execution)
    aws.wait(lambda: runs()[0]["JobRunState"] == "STOPPED")


def test_a_query_task_waits_for_athena(aws, machine):
    output = {"OutputLocation": f"s3://{aws.bucket()}/results/"}
    parameters = {"QueryString": "SELECT 1", "ResultConfiguration": output}
    found = outcome(aws, machine("arn:aws:states:::athena:startQueryExecution.sync", parameters))
    assert json.loads(found["output"])["QueryExecution"]["Status"]["State"] == "SUCCEEDED"
    failed = outcome(
        aws, machine("arn:aws:states:::athena:startQueryExecution.sync", {**parameters, "QueryString": "SELECT x"})
    )
    assert failed["error"] == "States.TaskFailed"


def test_a_rule_starts_a_function_and_a_state_machine_for_the_events_that_match(aws):
    function, rule, source = aws.function(NOTE), aws.name("rule"), aws.name("source")
    states, events = aws.client("stepfunctions"), aws.client("events")
    role = aws.role()
    arn = states.create_state_machine(
        name=aws.name("m"),
        roleArn=role,
        definition=json.dumps({"StartAt": "a", "States": {"a": {"Type": "Pass", "End": True}}}),
    )["stateMachineArn"]
    pattern = {"source": [source], "detail": {"status": ["Approved"]}}
    rule_arn = events.put_rule(Name=rule, EventPattern=json.dumps(pattern))["RuleArn"]
    aws.client("lambda").add_permission(
        FunctionName=function,
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule_arn,
    )
    function_arn = aws.client("lambda").get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": function_arn}, {"Id": "2", "Arn": arn, "RoleArn": role}])
    for status in ("Rejected", "Approved"):
        events.put_events(
            Entries=[{"Source": source, "DetailType": "change", "Detail": json.dumps({"status": status})}]
        )
    aws.wait(lambda: states.list_executions(stateMachineArn=arn)["executions"])
    said = aws.wait(lambda: [line for line in _log(aws, function) if line.startswith("EVENT")])
    assert len(said) == 1
    assert '"Approved"' in said[0]


def _log(aws, function: str) -> list[str]:
    try:
        return aws.log(f"/aws/lambda/{function}")
    except aws.client("logs").exceptions.ResourceNotFoundException:
        return []


def test_a_schedule_fires_and_says_when_it_was_due(aws):
    function = aws.function(NOTE)
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    arn = aws.client("lambda").get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    aws.client("scheduler").create_schedule(
        Name=aws.name("schedule"),
        ScheduleExpression=f"at({at})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": arn, "RoleArn": aws.role(), "Input": '{"due": "<aws.scheduler.scheduled-time>"}'},
    )
    aws.wait(lambda: any(f'"due": "{at}Z"' in line for line in _log(aws, function)))


def test_a_target_that_would_get_nothing_is_refused(aws):
    stream, rule = "arn:aws:kinesis:eu-west-1:000000000000:stream/s", aws.name("rule")
    aws.client("events").put_rule(Name=rule, ScheduleExpression="rate(1 hour)")
    with pytest.raises(aws.client("events").exceptions.ClientError, match="would get nothing on this machine"):
        aws.client("events").put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": stream}])
    with pytest.raises(aws.client("scheduler").exceptions.ValidationException, match="would get nothing"):
        aws.client("scheduler").create_schedule(
            Name=rule,
            ScheduleExpression="rate(1 hour)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": stream, "RoleArn": aws.role()},
        )


def test_what_glue_would_start_and_nobody_here_does_is_refused(aws):
    glue, name = aws.client("glue"), aws.name("w")
    refused = glue.exceptions.InvalidInputException
    targets = {"JdbcTargets": [{"ConnectionName": "c", "Path": "p"}]}
    with pytest.raises(refused, match="JdbcTargets cannot be crawled"):
        glue.create_crawler(Name=name, Role=aws.role(), DatabaseName="d", Targets=targets)
    glue.create_workflow(Name=name)
    with pytest.raises(refused, match="never starts anything"):
        glue.start_workflow_run(Name=name)
    with pytest.raises(refused, match="never starts anything"):
        glue.create_trigger(Name=name, Type="ON_DEMAND", Actions=[{"JobName": "j"}], StartOnCreation=True)


def test_a_service_that_is_not_here_says_so(aws):
    scaling = aws.client("application-autoscaling")
    with pytest.raises(scaling.exceptions.ClientError, match="application-autoscaling is not available"):
        scaling.describe_scalable_targets(ServiceNamespace="sagemaker")


def test_a_role_that_trusts_another_service_is_refused(aws):
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
        ],
    }
    role = aws.client("iam").create_role(RoleName=aws.name("role"), AssumeRolePolicyDocument=json.dumps(policy))
    arn, name = role["Role"]["Arn"], aws.name("thing")
    lambda_ = aws.client("lambda")
    with pytest.raises(lambda_.exceptions.InvalidParameterValueException, match="cannot be assumed by Lambda"):
        lambda_.create_function(
            FunctionName=name, Runtime="python3.13", Role=arn, Handler="a.b", Code={"ZipFile": b"x"}
        )
    glue = aws.client("glue")
    with pytest.raises(glue.exceptions.InvalidInputException, match=r"does not name glue\.amazonaws\.com"):
        glue.create_job(Name=name, Role=arn, Command={"Name": "glueetl", "ScriptLocation": "s3://b/x.py"})


def test_events_that_are_too_large_are_refused(aws):
    detail = json.dumps({"text": "x" * limits.EVENT_ENTRIES})
    with pytest.raises(aws.client("events").exceptions.ClientError, match="over the limit"):
        aws.client("events").put_events(Entries=[{"Source": "s", "DetailType": "t", "Detail": detail}])


def alarm(aws, name: str, namespace: str, **settings) -> None:
    defaults = {
        "Namespace": namespace,
        "MetricName": "Errors",
        "Statistic": "Sum",
        "Period": 10,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    }
    aws.client("cloudwatch").put_metric_alarm(AlarmName=name, **{**defaults, **settings})


def states_of(aws, *names: str) -> list[str]:
    found = aws.client("cloudwatch").describe_alarms(AlarmNames=list(names))["MetricAlarms"]
    return [{alarm["AlarmName"]: alarm["StateValue"] for alarm in found}[name] for name in names]


def test_an_alarm_looks_at_its_own_dimensions_only(aws):
    one, other, namespace = aws.name("a"), aws.name("b"), aws.name("ns")
    for name in (one, other):
        alarm(aws, name, namespace, Dimensions=[{"Name": "function", "Value": name}])
    aws.wait(lambda: states_of(aws, one, other) == ["OK", "OK"])
    data = [{"MetricName": "Errors", "Value": 1, "Dimensions": [{"Name": "function", "Value": one}]}]
    aws.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=data)
    aws.wait(lambda: states_of(aws, one, other) == ["ALARM", "OK"])


def test_an_alarm_on_an_expression_fires(aws):
    name, namespace = aws.name("rate"), aws.name("ns")

    def metric(identifier: str, metric_name: str) -> dict:
        stat = {"Metric": {"Namespace": namespace, "MetricName": metric_name}, "Period": 10, "Stat": "Sum"}
        return {"Id": identifier, "MetricStat": stat, "ReturnData": False}

    aws.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Metrics=[{"Id": "rate", "Expression": "100 * e / c"}, metric("e", "Errors"), metric("c", "Calls")],
        EvaluationPeriods=1,
        Threshold=5,
        ComparisonOperator="GreaterThanThreshold",
    )
    for metric_name, value in (("Errors", 1), ("Calls", 10)):
        aws.client("cloudwatch").put_metric_data(
            Namespace=namespace, MetricData=[{"MetricName": metric_name, "Value": value}]
        )
    aws.wait(lambda: states_of(aws, name) == ["ALARM"])


def test_the_query_protocol_returns_an_alarm_in_full(aws):
    name = aws.name("alarm")
    sent = {
        "Action": "PutMetricAlarm",
        "AlarmName": name,
        "Namespace": "X",
        "MetricName": "E",
        "ExtendedStatistic": "p99",
        "Period": "60",
        "EvaluationPeriods": "2",
        "Threshold": "1",
        "ComparisonOperator": "GreaterThanThreshold",
        "ActionsEnabled": "true",
        "AlarmActions.member.1": "arn:aws:sns:eu-west-1:000000000000:t",
        "Dimensions.member.1.Name": "f",
        "Dimensions.member.1.Value": "x",
    }
    ask(aws, sent)
    answer = ask(aws, {"Action": "DescribeAlarms", "AlarmNames.member.1": name})
    for part in (
        "<ExtendedStatistic>p99</ExtendedStatistic>",
        "<Period>60</Period>",
        "<ActionsEnabled>true</ActionsEnabled>",
        "<AlarmActions><member>arn:aws:sns:eu-west-1:000000000000:t</member></AlarmActions>",
        "<Dimensions><member><Name>f</Name><Value>x</Value></member></Dimensions>",
    ):
        assert part in answer
    assert "<Statistic>" not in answer


def ask(aws, parameters: dict[str, str]) -> str:
    body = urllib.parse.urlencode({**parameters, "Version": "2010-08-01"}).encode()
    scope = (
        "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/monitoring/aws4_request, SignedHeaders=host, Signature=0"
    )
    headers = {"Authorization": scope, "Content-Type": "application/x-www-form-urlencoded"}
    with urllib.request.urlopen(urllib.request.Request(aws.endpoint_url, body, headers)) as answer:
        return answer.read().decode()


def test_what_terraform_sends_to_glue_kinesis_and_step_functions_comes_back(aws):
    glue, kinesis, states = aws.client("glue"), aws.client("kinesis"), aws.client("stepfunctions")
    name = aws.name("thing")
    command = {"Name": "glueetl", "ScriptLocation": "s3://b/x.py"}
    glue.create_job(
        Name=name, Role=aws.role(), Command=command, ExecutionProperty={"MaxConcurrentRuns": 3}, Tags={"a": "b"}
    )
    assert glue.get_job(JobName=name)["Job"]["ExecutionProperty"] == {"MaxConcurrentRuns": 3}
    assert glue.get_tags(ResourceArn=f"arn:aws:glue:eu-west-1:000000000000:job/{name}")["Tags"] == {"a": "b"}
    glue.create_trigger(Name=name, Type="SCHEDULED", Schedule="cron(0 3 * * ? *)", Actions=[{"JobName": name}])
    assert "Predicate" not in glue.get_trigger(Name=name)["Trigger"]
    kinesis.create_stream(StreamName=name, ShardCount=1, Tags={"a": "b"})
    kinesis.enable_enhanced_monitoring(StreamName=name, ShardLevelMetrics=["IncomingBytes"])
    summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    assert summary["EnhancedMonitoring"] == [{"ShardLevelMetrics": ["IncomingBytes"]}]
    assert kinesis.list_tags_for_stream(StreamName=name)["Tags"] == [{"Key": "a", "Value": "b"}]
    definition = json.dumps({"StartAt": "a", "States": {"a": {"Type": "Pass", "End": True}}})
    arn = states.create_state_machine(
        name=name, roleArn=aws.role(), definition=definition, tracingConfiguration={"enabled": True}
    )["stateMachineArn"]
    assert states.describe_state_machine(stateMachineArn=arn)["tracingConfiguration"] == {"enabled": True}
