"""The root that asks for a second opinion, and what LocalStack 4.14.0 answers otherwise than AWS does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.terraform.stacks import ROOT, SIDE_BY_SIDE, mirror
from tools.terraform.teardown import PROTECTED

Json = dict[str, Any]
NAMESPACE = "Risk"
PROBLEMS = ("credit", "fraud")
MACHINES = ("drift", "nightly", "score-loans")


@dataclass(frozen=True)
class Difference:
    """An argument that LocalStack does not give back, so that every later plan wants to set it again."""

    resource: str
    argument: str
    says: str
    right: str
    why: str


DIFFERENCES = (
    Difference(
        "aws_cloudwatch_metric_alarm",
        "tags_all",
        "no tags",
        "ours",
        "PutMetricAlarm tags an alarm that it creates, and ListTagsForResource gives the tags back",
    ),
    Difference(
        "aws_kinesis_stream",
        "tags_all",
        "no tags",
        "ours",
        "CreateStream takes tags, and ListTagsForStream gives them back",
    ),
    Difference(
        "aws_sfn_state_machine",
        "tracing_configuration",
        "no tracing",
        "ours",
        "DescribeStateMachine gives back the tracing that CreateStateMachine was given",
    ),
    Difference(
        "aws_vpc_security_group_egress_rule",
        "description",
        "no description",
        "AWS",
        "DescribeSecurityGroupRules gives back a rule's description; our local AWS is not asked for a network here",
    ),
    Difference(
        "aws_vpc_security_group_ingress_rule",
        "description",
        "no description",
        "AWS",
        "DescribeSecurityGroupRules gives back a rule's description; our local AWS is not asked for a network here",
    ),
)


@dataclass(frozen=True)
class Leniency:
    """Something that LocalStack lets pass, and AWS and ours do not."""

    what: str
    says: str
    right: str
    why: str


SPEAKS_FOR_A_SERVICE = Leniency(
    "PutEvents with the source `aws.sagemaker`",
    "takes it",
    "ours",
    "sources that begin with `aws.` are the services' own: NotAuthorizedForSourceException",
)
DOES_WHAT_IT_MAY_NOT = Leniency(
    "a machine sends to a queue, and its role has no permission",
    "sends it",
    "ours",
    "a role may do what a policy allows it: the task fails",
)
LENIENCIES = (SPEAKS_FOR_A_SERVICE, DOES_WHAT_IT_MAY_NOT)

# What no service is there for, or nobody waits for, by module: an override file beside the module's own takes it out.
NO_SAGEMAKER = {"registry": {"resource": {"aws_sagemaker_model_package_group": {"this": {"for_each": "${toset([])}"}}}}}
NO_LAMBDA = {"orchestration": {"module": {"seal": {"source": "../nothing"}}}}
# The provider waits 25 seconds for a queue, and again for one that names it.
ONE_QUEUE_AFTER_THE_OTHER = {"registry": {"resource": {"aws_sqs_queue": {"approvals": {"redrive_policy": "${null}"}}}}}
TAKEN_OUT = {"embedded": NO_LAMBDA | ONE_QUEUE_AFTER_THE_OTHER, "localstack": NO_SAGEMAKER | NO_LAMBDA}
# The embedded AWS has no networks. And the provider waits for lake and key for longer than for all the rest, whoever
# answers: where other files of `make test` have them, this one is given them.
LEFT_OUT = {"embedded": {"lake", "network"}, "localstack": set()}

MACHINE = {
    "StartAt": "Both",
    "States": {
        "Both": {
            "Type": "Parallel",
            "End": True,
            "Branches": [
                {
                    "StartAt": "Each",
                    "States": {
                        "Each": {
                            "Type": "Map",
                            "ItemsPath": "$.days",
                            "End": True,
                            "ItemProcessor": {
                                "StartAt": "Say",
                                "States": {
                                    "Say": {
                                        "Type": "Task",
                                        "Resource": "arn:aws:states:::sqs:sendMessage",
                                        "Parameters": {
                                            "QueueUrl": "${aws_sqs_queue.told.url}",
                                            "MessageBody.$": "$",
                                        },
                                        "End": True,
                                    }
                                },
                            },
                        }
                    },
                },
                {"StartAt": "Nothing", "States": {"Nothing": {"Type": "Pass", "End": True}}},
            ],
        }
    },
}


def modules(prefix: str) -> Json:
    """Every module whose services LocalStack has, called as the stacks call it."""
    key = "${module.lake.bucket.kms_key_arn}"
    arn = "arn:aws:{}:eu-west-1:000000000000:{}"
    stream = {"source": "./modules/stream", "shards": 2, "retention_hours": 48, "kms_key_arn": key}
    role = {"source": "./modules/role", "description": "A second opinion"}
    return {
        "lake": {
            "source": "./modules/lake",
            "prefix": prefix,
            "name": f"{prefix}-lake",
            "keep_data": False,
            "access_logs": "${aws_s3_bucket.access_logs.id}",
        },
        "stream": stream
        | {"name": f"{prefix}-transactions", "failed": {"name": f"{prefix}-failed", "retention_seconds": 1209600}},
        "merchants": stream
        | {"name": f"{prefix}-merchants", "failed": {"name": f"{prefix}-uncounted", "retention_seconds": 1209600}},
        "registry": {
            "source": "./modules/registry",
            "prefix": prefix,
            "problems": list(PROBLEMS),
            "kms_key_arn": key,
        },
        "network": {"source": "./modules/network", "prefix": prefix, "cidr": "10.20.0.0/20", "kms_key_arn": key},
        "role": role
        | {
            "name": f"{prefix}-machine",
            "service": "states",
            "permissions": {"Say": {"actions": ["sqs:SendMessage"], "resources": ["${aws_sqs_queue.told.arn}"]}},
        },
        "orchestration": {
            "source": "./modules/orchestration",
            "prefix": prefix,
            "namespace": NAMESPACE,
            "athena_workgroup": {
                "name": prefix,
                "arn": arn.format("athena", f"workgroup/{prefix}"),
                "predictions_database": "predictions",
            },
            "crawlers": {name: f"{prefix}-{name}" for name in ("decisions", "raw")},
            "jobs": {
                name: f"{prefix}-{name.replace('_', '-')}"
                for name in ("raw_to_bronze", "bronze_to_silver", "silver_to_gold", "publish_features", "check_parity")
            },
            "lake": "${module.lake.bucket}",
            "processing": {
                "code_uri": f"s3://{prefix}-lake/code.tar.gz",
                "image": "000000000000.dkr.ecr.eu-west-1.amazonaws.com/ml:1",
                "instance_type": "ml.m5.xlarge",
                "roles": {
                    kind: arn.format("iam", f"role/{prefix}-{kind}").replace(":eu-west-1", ":")
                    for kind in ("credit-watch", "decide-loans", "drift", "fraud-watch", "score-set")
                },
            },
            "schedules": {
                "enabled": False,
                "nightly": "cron(0 2 * * ? *)",
                "drift": "cron(0 5 * * ? *)",
                "score-loans": "cron(0 6 1 * ? *)",
            },
            "seal": {"code": {"bucket": f"{prefix}-lake", "key": "seal.zip", "hash": "hash", "layers": []}},
        },
        "watch": {
            "source": "./modules/watch",
            "prefix": prefix,
            "namespace": prefix,
            "key": {"arn": key},
            "functions": {name: f"{prefix}-{name}" for name in ("merchants", "stream")},
            "entities": {
                "brought": ["transactions"],
                "vectors": ["transaction_features"],
                "published": ["customer"],
            },
            "queues": {
                "approvals": "${module.registry.approvals.name}",
                "reviews": f"{prefix}-reviews",
                "failed": {
                    "stream": "${module.stream.failed_queue.name}",
                    "merchants": "${module.merchants.failed_queue.name}",
                    "release": "${module.registry.approvals.failed_queue}",
                    "reviews": f"{prefix}-reviews-failed",
                },
            },
            "state_machines": "${module.orchestration.arns}",
            "heartbeats": {"night_hours": 26, "payments_hours": 24},
            "subscribers": ["team@example.com"],
        },
    }


def root(prefix: str, backend: str, lake: Json | None) -> Json:
    """The modules, and beside them what shows that they work: a queue that hears of alarms, a machine that runs."""
    told = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": f"arn:aws:sqs:eu-west-1:000000000000:{prefix}-told",
    }
    hears = {"protocol": "sqs", "endpoint": "${aws_sqs_queue.told.arn}", "raw_message_delivery": True}
    return {
        "provider": {
            "aws": {
                "region": "eu-west-1",
                "s3_use_path_style": True,
                "default_tags": {"tags": {"project": prefix}},
            }
        },
        "module": {name: module for name, module in modules(prefix).items() if name not in LEFT_OUT[backend]}
        | ({"lake": {"source": "./modules/given", "bucket": lake}} if lake else {}),
        "resource": {
            "aws_s3_bucket": {"access_logs": {"bucket": f"{prefix}-access-logs", "force_destroy": True}},
            "aws_sqs_queue": {
                "told": {
                    "name": f"{prefix}-told",
                    "policy": json.dumps({"Version": "2012-10-17", "Statement": [told]}),
                }
            },
            "aws_sns_topic": {"alerts": {"name": f"{prefix}-alerts"}},
            "aws_sns_topic_subscription": {
                "alarms": hears | {"topic_arn": "${module.watch.alarm_topic_arn}"},
                "alerts": hears | {"topic_arn": "${aws_sns_topic.alerts.arn}"},
            },
            "aws_sfn_state_machine": {
                "told": {
                    "name": f"{prefix}-told",
                    "role_arn": "${module.role.arn}",
                    "definition": json.dumps(MACHINE),
                }
            },
        },
    }


class Stack:
    """The root in a folder of its own, applied to whoever answers on `host`."""

    def __init__(self, folder: Path, prefix: str, backend: str, host: str, lake: Json | None) -> None:
        self.folder, self.prefix, self.host = folder, prefix, host
        shutil.copytree(ROOT / "terraform" / "modules", folder / "modules")
        for file in folder.rglob("*.tf"):
            file.write_text(PROTECTED.sub(r"\1false", file.read_text()))
        for name, override in TAKEN_OUT[backend].items():
            (folder / "modules" / name / "taken_out_override.tf.json").write_text(json.dumps(override))
        (folder / "modules" / "given").mkdir()
        given = {"variable": {"bucket": {"type": "any"}}, "output": {"bucket": {"value": "${var.bucket}"}}}
        (folder / "modules" / "given" / "main.tf.json").write_text(json.dumps(given))
        self._nothing(folder / "modules" / "nothing", f"{prefix}-seal")
        (folder / "main.tf.json").write_text(json.dumps(root(prefix, backend, lake)))

    @staticmethod
    def _nothing(folder: Path, name: str) -> None:
        """What stands for a function: it takes the arguments, and has a name."""
        folder.mkdir()
        taken = ("code", "description", "environment", "handler", "kms_key_arn", "memory_mb", "name", "permissions")
        arn = f"arn:aws:lambda:eu-west-1:000000000000:function:{name}"
        written = {
            "variable": {argument: {"type": "any"} for argument in (*taken, "timeout_seconds")},
            "output": {"arn": {"value": arn}, "name": {"value": name}},
        }
        (folder / "main.tf.json").write_text(json.dumps(written))

    def terraform(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
        return subprocess.run(
            ["terraform", f"-chdir={self.folder}", *arguments],
            env={
                **kept,
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_REGION": "eu-west-1",
                "AWS_ENDPOINT_URL": f"http://{self.host}",
                "AWS_EC2_METADATA_DISABLED": "true",
                "TF_IN_AUTOMATION": "1",
            },
            capture_output=True,
            text=True,
            check=False,
        )

    def run(self, *arguments: str) -> str:
        done = self.terraform(*arguments)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr
        return done.stdout

    def apply(self) -> None:
        found = mirror()
        self.run("init", *([f"-plugin-dir={found}"] if found else []), "-input=false", "-no-color")
        self.run("apply", "-auto-approve", "-input=false", "-no-color", f"-parallelism={SIDE_BY_SIDE}")

    def destroy(self) -> None:
        self.run("destroy", "-auto-approve", "-input=false", "-no-color", f"-parallelism={SIDE_BY_SIDE}")

    def differences(self) -> set[tuple[str, str]]:
        """What a further plan would change: types of resources and their arguments. An argument `*` is the whole."""
        self.run("plan", "-input=false", "-no-color", "-out=again.tfplan")
        changes = json.loads(self.run("show", "-json", "again.tfplan"))["resource_changes"]
        found: set[tuple[str, str]] = set()
        for change in changes:
            actions, resource = change["change"]["actions"], change["type"]
            if actions in (["no-op"], ["read"]):
                continue
            before, after = change["change"]["before"] or {}, change["change"]["after"] or {}
            if actions == ["update"]:
                found |= {(resource, name) for name in after if before.get(name) != after[name]}
            else:
                found.add((resource, "*"))
        return found
