"""Whatever runs under a role calls as that role, and is refused what the role may not do."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

import local
from local import lifecycle
from local.permissions import report
from local.settings import ENFORCED, RECORDED

JOB = """
import boto3, sys
from botocore.exceptions import ClientError
from pyspark.sql import SparkSession

bucket = sys.argv[sys.argv.index("--bucket") + 1]

def put(key):
    try:
        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=b"")
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDenied", error

spark = SparkSession.builder.getOrCreate()
put("driver/x")
spark.range(1).rdd.foreach(lambda _: put("worker/x"))
spark.range(2).write.mode("overwrite").csv(f"s3://{bucket}/allowed/")
spark.range(2).write.mode("overwrite").csv(f"s3://{bucket}/spark/")
"""
LOG = {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}
BELOW_ALLOWED = {
    "Effect": "Allow",
    "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
    "Resource": ["arn:aws:s3:::*/allowed", "arn:aws:s3:::*/allowed/*", "arn:aws:s3:::*/code/*"],
}
LIST = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}


@pytest.fixture
def role(aws) -> str:
    """A role that may write a log, and objects below one prefix."""
    return aws.role(LOG, BELOW_ALLOWED, LIST)


def asked(aws, role: str) -> list[dict[str, Any]]:
    return [call for call in lifecycle.permissions(aws.aws.endpoint_url)["calls"] if call["role"] == role]


def of(calls: list[dict[str, Any]], action: str, decision: str) -> set[str]:
    """The keys of objects, or whole resources."""
    found = {r for c in calls if (c["action"], c["decision"]) == (action, decision) for r in c["resources"]}
    return {resource.partition("/")[2] or resource for resource in found}


def refused(role: str, session: str, action: str, resource: str) -> str:
    name = role.rpartition("/")[2]
    return (
        f"User: arn:aws:sts::000000000000:assumed-role/{name}/{session} is not authorized to perform: {action} "
        f"on resource: {resource} because no identity-based policy allows the {action} action"
    )


def test_a_function_calls_as_its_role_and_is_refused_what_the_role_may_not(aws, role):
    bucket = aws.bucket()
    source = (
        "import boto3\n"
        "def handler(event, context):\n"
        f"    boto3.client('s3').put_object(Bucket='{bucket}', Key=event, Body=b'')\n"
    )
    name = aws.function(source, Role=role)

    allowed, denied = aws.invoke(name, "allowed/x"), aws.invoke(name, "other/x")

    assert allowed == (None, None)
    assert refused(role, name, "s3:PutObject", f"arn:aws:s3:::{bucket}/other/x") in denied[0]["errorMessage"]
    listed = aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert [found["Key"] for found in listed] == ["allowed/x"]
    assert of(asked(aws, role), "s3:PutObject", "denied") == {"other/x"}


def test_a_function_whose_role_may_not_write_its_log_runs_and_leaves_none(aws):
    silent, told = aws.role(BELOW_ALLOWED), aws.role(LOG)

    names = [aws.function("def handler(*_): print('said')", Role=role) for role in (silent, told)]
    assert [aws.invoke(name)[1] for name in names] == [None, None]

    aws.wait(lambda: any("said" in line for line in aws.log(f"/aws/lambda/{names[1]}")))
    with pytest.raises(aws.client("logs").exceptions.ResourceNotFoundException):
        aws.log(f"/aws/lambda/{names[0]}")


@pytest.mark.parametrize(
    ("service", "call", "code", "action"),
    [
        ("s3", lambda c: c.put_object(Bucket="b", Key="k", Body=b""), "AccessDenied", "s3:PutObject"),
        ("dynamodb", lambda c: c.get_item(TableName="t", Key={"k": {"S": ""}}), "AccessDeniedException", "dynamodb:Ge"),
        ("sqs", lambda c: c.send_message(QueueUrl="http://q/000000000000/q", MessageBody="x"), "AccessDenied", "sqs:"),
        ("sns", lambda c: c.publish(TopicArn=TOPIC, Message="x"), "AuthorizationError", "sns:Publish"),
        ("kinesis", lambda c: c.list_shards(StreamName="s"), "AccessDeniedException", "kinesis:ListShards"),
        ("lambda", lambda c: c.invoke(FunctionName="f"), "AccessDeniedException", "lambda:InvokeFunction"),
        ("ssm", lambda c: c.get_parameter(Name="/p"), "AccessDeniedException", "ssm:GetParameter"),
        ("sts", lambda c: c.assume_role(RoleArn=ANY, RoleSessionName="session"), "AccessDenied", "sts:AssumeRole"),
        ("iam", lambda c: c.create_user(UserName="u"), "AccessDenied", "iam:CreateUser"),
        ("glue", lambda c: c.start_job_run(JobName="j"), "AccessDeniedException", "glue:StartJobRun"),
        ("cloudwatch", lambda c: c.put_metric_data(Namespace="n", MetricData=[]), "AccessDenied", "cloudwatch:PutM"),
        ("stepfunctions", lambda c: c.list_state_machines(), "AccessDeniedException", "states:ListStateMachines"),
        (
            "sagemaker-runtime",
            lambda c: c.invoke_endpoint(EndpointName="e", Body=b""),
            "AccessDeniedException",
            "sagem",
        ),
        ("secretsmanager", lambda c: c.get_secret_value(SecretId="s"), "AccessDeniedException", "secretsmanager:Get"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_refusal_comes_in_the_shape_of_its_service(theirs, service, call, code, action):
    with pytest.raises(ClientError) as refusal:
        call(theirs(service))

    error = refusal.value.response["Error"]
    assert error["Code"].removesuffix("Exception") == code.removesuffix("Exception")
    assert f"is not authorized to perform: {action}" in error["Message"]
    assert "because no identity-based policy allows the" in error["Message"]


TOPIC = "arn:aws:sns:eu-west-1:000000000000:t"
ANY = "arn:aws:iam::000000000000:role/any"


@pytest.fixture
def theirs(aws):
    """Clients of a session of a role that may do next to nothing."""
    return lambda service: session(aws, aws.role(LOG)).client(service, endpoint_url=aws.endpoint_url)


def session(aws, role: str) -> boto3.session.Session:
    keys = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    return boto3.session.Session(
        keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=aws.aws.region
    )


def test_a_refused_head_has_its_status_and_nothing_more(theirs):
    with pytest.raises(ClientError) as refusal:
        theirs("s3").head_object(Bucket="b", Key="k")

    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_policy_that_is_added_or_taken_counts_from_the_next_call_on(aws, role):
    bucket, iam = aws.bucket(), aws.client("iam")
    name = aws.function(
        f"import boto3\ndef handler(*_): boto3.client('s3').get_bucket_location(Bucket='{bucket}')", Role=role
    )
    of_role = {"RoleName": role.rpartition("/")[2], "PolicyName": "see"}
    statement = {"Effect": "Allow", "Action": "s3:GetBucketLocation", "Resource": "*"}

    errors = [aws.invoke(name)[1]]
    iam.put_role_policy(**of_role, PolicyDocument=json.dumps({"Statement": statement}))
    errors.append(aws.invoke(name)[1])
    iam.delete_role_policy(**of_role)
    errors.append(aws.invoke(name)[1])

    assert errors == ["Unhandled", None, "Unhandled"]


def test_whoever_may_not_pass_a_role_cannot_give_it_to_a_service(aws):
    passing = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}
    only_to_glue = {**passing, "Condition": {"StringEquals": {"iam:PassedToService": "glue.amazonaws.com"}}}
    anything = {"Effect": "Allow", "Action": ["lambda:*", "glue:*", "states:*"], "Resource": "*"}
    given = aws.role()
    theirs = session(aws, aws.role(anything, only_to_glue))
    glue, states = (theirs.client(name, endpoint_url=aws.endpoint_url) for name in ("glue", "stepfunctions"))
    definition = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})

    glue.create_job(Name=aws.name("job"), Role=given, Command={"Name": "pythonshell", "ScriptLocation": "s3://b/x.py"})
    with pytest.raises(ClientError, match=f"iam:PassRole on resource: {given}"):
        states.create_state_machine(name=aws.name("machine"), definition=definition, roleArn=given)


def test_a_job_its_spark_and_its_workers_call_as_its_role_and_two_roles_share_no_file_system(aws, role):
    bucket, glue = aws.bucket(), aws.client("glue")
    aws.client("s3").put_object(Bucket=bucket, Key="code/job.py", Body=JOB.encode())
    other = aws.role(LOG, LIST, {**BELOW_ALLOWED, "Resource": "arn:aws:s3:::*/code/*"})

    for one in (role, other):
        name = aws.name("job")
        command = {"Name": "glueetl", "ScriptLocation": f"s3://{bucket}/code/job.py"}
        glue.create_job(Name=name, Role=one, Command=command, GlueVersion="5.1", WorkerType="G.1X", NumberOfWorkers=2)
        run = glue.start_job_run(JobName=name, Arguments={"--bucket": bucket})["JobRunId"]
        ended = aws.wait(lambda name=name, run=run: ended_run(glue, name, run))
        assert ended["JobRunState"] == "FAILED", "Spark may not write"

    calls = {one: asked(aws, one) for one in (role, other)}
    assert of(calls[role], "s3:PutObject", "denied") >= {"driver/x", "worker/x"}
    assert of(calls[role], "s3:PutObject", "allowed")
    assert not of(calls[other], "s3:PutObject", "allowed")
    assert of(calls[other], "s3:PutObject", "denied") >= {"driver/x", "worker/x"}
    written = {o["Key"] for o in aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]}
    assert {key.partition("/")[0] for key in written} == {"code", "allowed"}


def test_a_job_whose_role_may_not_read_its_script_does_not_start(aws):
    bucket, glue, name = aws.bucket(), aws.client("glue"), aws.name("job")
    aws.client("s3").put_object(Bucket=bucket, Key="job.py", Body=b"print('ran')")
    command = {"Name": "pythonshell", "ScriptLocation": f"s3://{bucket}/job.py"}
    glue.create_job(Name=name, Role=aws.role(LOG), Command=command)

    run = glue.start_job_run(JobName=name)["JobRunId"]
    ended = aws.wait(lambda: ended_run(glue, name, run))

    assert ended["JobRunState"] == "FAILED"
    assert f"s3:GetObject on resource: arn:aws:s3:::{bucket}/job.py" in ended["ErrorMessage"]


def ended_run(glue: Any, name: str, run: str) -> dict[str, Any] | None:
    found = glue.get_job_run(JobName=name, RunId=run)["JobRun"]
    return found if found["JobRunState"] in ("SUCCEEDED", "FAILED") else None


TASKS = {
    "arn:aws:states:::lambda:invoke": ({"FunctionName": "f"}, "Lambda.AWSLambdaException", "lambda:InvokeFunction"),
    "arn:aws:states:::sqs:sendMessage": (
        {"QueueUrl": "http://q/000000000000/q", "MessageBody": "x"},
        "SQS.AmazonSQSException",
        "sqs:SendMessage",
    ),
    "arn:aws:states:::glue:startJobRun": ({"JobName": "j"}, "Glue.AccessDeniedException", "glue:StartJobRun"),
    "arn:aws:states:::aws-sdk:ssm:getParameters": (
        {"Names": ["/one"]},
        "Ssm.AccessDeniedException",
        "ssm:GetParameters",
    ),
    "arn:aws:states:::aws-sdk:glue:startCrawler": ({"Name": "c"}, "Glue.AccessDeniedException", "glue:StartCrawler"),
    "arn:aws:states:::aws-sdk:glue:getCrawlers": ({}, "Glue.AccessDeniedException", "glue:GetCrawlers"),
}


@pytest.mark.parametrize("resource", TASKS)
def test_a_task_is_refused_what_the_role_of_its_machine_may_not(aws, role, resource):
    parameters, error, action = TASKS[resource]
    task = {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True}
    ended = execution(aws, role, {"StartAt": "Ask", "States": {"Ask": task}})

    assert (ended["status"], ended["error"]) == ("FAILED", error)
    assert f"is not authorized to perform: {action}" in ended["cause"]


def execution(aws, role: str, definition: dict[str, Any]) -> dict[str, Any]:
    states = aws.client("stepfunctions")
    machine = states.create_state_machine(name=aws.name("machine"), definition=json.dumps(definition), roleArn=role)
    run = states.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]

    def ended() -> Any:
        found = states.describe_execution(executionArn=run)
        return found if found["status"] != "RUNNING" else None

    return aws.wait(ended)


@pytest.fixture
def key(aws) -> str:
    return aws.client("kms").create_key()["KeyMetadata"]["Arn"]


def test_a_function_begins_only_where_its_role_may_decrypt_its_environment(aws, key):
    source = "import os\ndef handler(*_): return os.environ['SAID']\n"
    decrypt = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key}
    given = {"KMSKeyArn": key, "Environment": {"Variables": {"SAID": "read"}}}

    told, silent = (aws.function(source, Role=aws.role(LOG, *more), **given) for more in ((decrypt,), ()))

    assert aws.invoke(told) == ("read", None)
    answer, failed = aws.invoke(silent)
    assert failed
    assert f"is not authorized to perform: kms:Decrypt on resource: {key}" in answer["errorMessage"]


def test_a_secret_parameter_is_told_and_kept_only_where_the_key_may_be_used(aws, key):
    name = f"/{aws.name('secret')}/p"
    aws.client("ssm").put_parameter(Name=name, Value="1", Type="SecureString", KeyId=key)
    theirs = session(aws, aws.role({"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}))
    ssm = theirs.client("ssm", endpoint_url=aws.endpoint_url)

    assert ssm.get_parameter(Name=name)["Parameter"]["Value"] != "1", "nobody has asked for its text"
    with pytest.raises(ClientError, match="kms:Decrypt on resource: " + key):
        ssm.get_parameter(Name=name, WithDecryption=True)
    for tier, action in (("Standard", "Encrypt"), ("Advanced", "GenerateDataKey")):
        with pytest.raises(ClientError, match=f"kms:{action} on resource: {key}"):
            ssm.put_parameter(Name=name, Value="2", Type="SecureString", KeyId=key, Tier=tier, Overwrite=True)


def test_a_machine_whose_role_may_not_deliver_its_log_is_not_made(aws):
    states, group = aws.client("stepfunctions"), aws.name("/aws/vendedlogs/states/machine")
    definition = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
    place = {"cloudWatchLogsLogGroup": {"logGroupArn": f"arn:aws:logs:eu-west-1:000000000000:log-group:{group}:*"}}
    wanted = {"definition": definition, "loggingConfiguration": {"level": "ALL", "destinations": [place]}}
    put = {"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*"}

    with pytest.raises(ClientError, match=r"not authorized to access the Log Destination.*logs:CreateLogDelivery"):
        states.create_state_machine(name=aws.name("machine"), roleArn=aws.role(put), **wanted)

    states.create_state_machine(name=aws.name("machine"), roleArn=aws.role(LOG), **wanted)
    silent = {**wanted, "loggingConfiguration": {"level": "OFF"}}
    states.create_state_machine(name=aws.name("machine"), roleArn=aws.role(put), **silent)


def test_a_mapping_is_not_made_without_the_right_to_read_and_reads_nothing_once_it_is_lost(aws):
    kinesis, functions, iam = aws.client("kinesis"), aws.client("lambda"), aws.client("iam")
    stream = aws.name("stream")
    kinesis.create_stream(StreamName=stream, ShardCount=1)
    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    role = aws.role(LOG)
    name = aws.function("def handler(event, _): print(len(event['Records']), 'read')", Role=role)
    mapping = {"FunctionName": name, "EventSourceArn": arn, "StartingPosition": "TRIM_HORIZON"}
    reading = {"Effect": "Allow", "Action": "kinesis:*", "Resource": arn}
    of_role = {"RoleName": role.rpartition("/")[2], "PolicyName": "read"}

    with pytest.raises(ClientError, match="kinesis:DescribeStream on resource: " + arn):
        functions.create_event_source_mapping(**mapping)

    iam.put_role_policy(**of_role, PolicyDocument=json.dumps({"Statement": reading}))
    made = functions.create_event_source_mapping(**mapping)["UUID"]
    kinesis.put_record(StreamName=stream, Data=b"1", PartitionKey="k")
    aws.wait(lambda: lines(aws, name) == 1)

    iam.delete_role_policy(**of_role)
    aws.wait(lambda: "not authorized" in functions.get_event_source_mapping(UUID=made)["LastProcessingResult"])
    kinesis.put_record(StreamName=stream, Data=b"2", PartitionKey="k")
    assert lines(aws, name) == 1

    iam.put_role_policy(**of_role, PolicyDocument=json.dumps({"Statement": reading}))
    aws.wait(lambda: lines(aws, name) == 2)


def lines(aws, function: str) -> int:
    try:
        return sum("read" in line for line in aws.log(f"/aws/lambda/{function}"))
    except aws.client("logs").exceptions.ResourceNotFoundException:
        return 0


def test_a_rule_reaches_its_target_only_where_the_policy_of_the_target_lets_it(aws):
    events, sqs, source = aws.client("events"), aws.client("sqs"), aws.name("source")
    urls = [sqs.create_queue(QueueName=aws.name("queue"))["QueueUrl"] for _ in range(2)]
    arns = [sqs.get_queue_attributes(QueueUrl=u, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"] for u in urls]
    rule = aws.name("rule")
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [source]}))
    events.put_targets(Rule=rule, Targets=[{"Id": str(n), "Arn": arn} for n, arn in enumerate(arns)])
    sends = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Statement": {**sends, "Resource": arns[1]}})
    sqs.set_queue_attributes(QueueUrl=urls[1], Attributes={"Policy": policy})

    events.put_events(Entries=[{"Source": source, "DetailType": "t", "Detail": "{}"}])

    aws.wait(lambda: sqs.receive_message(QueueUrl=urls[1]).get("Messages"))
    assert "Messages" not in sqs.receive_message(QueueUrl=urls[0])


def test_a_topic_reaches_a_function_only_where_its_policy_lets_it(aws):
    sns, functions = aws.client("sns"), aws.client("lambda")
    topic = sns.create_topic(Name=aws.name("topic"))["TopicArn"]
    names = [aws.function("def handler(*_): print('read')") for _ in range(2)]
    for name in names:
        arn = functions.get_function(FunctionName=name)["Configuration"]["FunctionArn"]
        sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    functions.add_permission(
        FunctionName=names[1],
        StatementId="topic",
        Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com",
        SourceArn=topic,
    )

    sns.publish(TopicArn=topic, Message="told")

    aws.wait(lambda: lines(aws, names[1]) == 1)
    assert lines(aws, names[0]) == 0


def test_an_event_that_a_function_fails_on_is_handed_over_only_where_its_role_may(aws):
    sqs, functions = aws.client("sqs"), aws.client("lambda")
    url = sqs.create_queue(QueueName=aws.name("queue"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sends = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}
    roles = {"may not": aws.role(LOG), "may": aws.role(LOG, sends)}

    for said, role in roles.items():
        name = aws.function("def handler(*_): raise RuntimeError('as asked')", Role=role)
        functions.put_function_event_invoke_config(
            FunctionName=name, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": arn}}
        )
        functions.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(said))

    (message,) = aws.wait(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2).get("Messages"))
    assert json.loads(message["Body"])["requestPayload"] == "may"
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_a_query_changes_the_catalog_in_the_name_of_whoever_started_it(aws, role):
    bucket, athena, database = aws.bucket(), aws.client("athena"), aws.name("database").replace("-", "_")
    asks = {"QueryString": f"CREATE DATABASE {database}", "ResultConfiguration": {"OutputLocation": f"s3://{bucket}/"}}
    asking = aws.role(LOG, {"Effect": "Allow", "Action": "athena:*", "Resource": "*"})

    query = session(aws, asking).client("athena", endpoint_url=aws.endpoint_url).start_query_execution(**asks)
    status = aws.wait(lambda: ended_query(athena, query["QueryExecutionId"]))

    assert status["State"] == "FAILED"
    assert "glue:CreateDatabase on resource: arn:aws:glue" in status["StateChangeReason"]
    assert database not in {found["Name"] for found in aws.client("glue").get_databases()["DatabaseList"]}


def ended_query(athena: Any, query: str) -> dict[str, Any] | None:
    status = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
    return status if status["State"] in ("SUCCEEDED", "FAILED") else None


@pytest.mark.parametrize("permissions", [ENFORCED, RECORDED])
def test_what_was_recorded_is_printed_and_outlives_the_server(tmp_path, permissions):
    with local.running(tmp_path, permissions=permissions) as running:
        own = boto3.session.Session("test", "test", region_name=running.region)
        found = {name: own.client(name, endpoint_url=running.endpoint_url) for name in ("iam", "sts")}
        trust = {"Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}}
        role = found["iam"].create_role(RoleName="reader", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        keys = found["sts"].assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
        theirs = boto3.session.Session(
            keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=running.region
        )
        answered = True
        try:
            theirs.client("s3", endpoint_url=running.endpoint_url).list_buckets()
        except ClientError:
            answered = False
        before = lifecycle.permissions(running.endpoint_url)["denied"]
    with local.running(tmp_path) as running:
        after = lifecycle.permissions(running.endpoint_url)

    assert answered == (permissions == RECORDED)
    assert [(call["role"], call["action"], call["count"]) for call in before] == [(role, "s3:ListAllMyBuckets", 1)]
    assert after["denied"] == before
    assert 'expected a statement that allows "s3:ListAllMyBuckets"' in report.text(after)
