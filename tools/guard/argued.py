"""The one list of wildcards that policies may have. Each says why it cannot be narrower."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Argued:
    """Actions as they are written, on resources that fit a pattern; `bound` is a condition that must stand there."""

    actions: tuple[str, ...]
    resource: str
    why: str
    bound: str = ""
    own: bool = False  # in a resource's own policy only, where `*` is that resource
    only: str = ""  # in the policy of this address only
    named: bool = False  # on resources only that bear a name of the platform's own

    def covers(self, address: str, action: str, resource: str, named: bool, conditions: set[str]) -> bool:
        return (
            (not self.only or address == self.only)
            and (named or not self.named)
            and action in self.actions
            and fnmatchcase(resource, self.resource)
            and (not self.bound or self.bound in conditions)
        )


WRITE_LOGS = (
    "logs:AssociateKmsKey",
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:DescribeLogStreams",
    "logs:PutLogEvents",
)
RUN_JOBS = tuple(
    f"sagemaker:{verb}{job}Job"
    for job in ("Training", "Processing", "Transform")
    for verb in ("Create", "Describe", "Stop")
)

APPLY = 'aws_iam_role_policy.delivery["apply"]'
PLAN = 'aws_iam_role_policy.delivery["plan"]'
BUILT = (
    "cloudtrail",
    "cloudwatch",
    "dynamodb",
    "ecr",
    "ecs",
    "elasticloadbalancing",
    "events",
    "glue",
    "kinesis",
    "lambda",
    "logs",
    "sagemaker",
    "scheduler",
    "sns",
    "sqs",
)
LOOK = tuple(f"{service}:{verb}*" for service in (*BUILT, "athena", "states") for verb in ("Describe", "List"))

ARGUED = (
    Argued(
        tuple(f"{service}:*" for service in (*BUILT, "athena", "s3", "states")),
        "*",
        "what terraform/ will build tomorrow is not known today",
        only=APPLY,
        named=True,
    ),
    Argued(
        LOOK, "*", "whoever builds looks for what is there, and lists have no ARN; neither verb reads data", only=APPLY
    ),
    Argued(
        (
            *(f"lambda:{verb}EventSourceMapping" for verb in ("Create", "Delete", "Get", "Update")),
            *(f"glue:{verb}SecurityConfiguration" for verb in ("Create", "Delete", "Get")),
            "application-autoscaling:DeleteScalingPolicy",
            "application-autoscaling:DeregisterScalableTarget",
            "application-autoscaling:DescribeScalableTargets",
            "application-autoscaling:DescribeScalingPolicies",
            "application-autoscaling:ListTagsForResource",
            "application-autoscaling:PutScalingPolicy",
            "application-autoscaling:RegisterScalableTarget",
        ),
        "*",
        "mappings, security configurations and scaling know no ARN before they are made",
        only=APPLY,
    ),
    Argued(
        ("apigateway:*", "ec2:*"),
        "*",
        "ids of APIs and networks are AWS's: there is no name to narrow them by",
        only=APPLY,
    ),
    Argued(
        ("kms:*",),
        "*",
        "ids of keys are AWS's; the tag says which are the platform's",
        "aws:resourcetag/project",
        only=APPLY,
    ),
    Argued(("logs:*",), "arn:*:log-group:*-*", "services name the groups, with the platform's name within", only=APPLY),
    Argued(
        ("sagemaker:*",), "arn:*:sagemaker:*:*:*/*-*", "every kind of its resources, by the platform's name", only=APPLY
    ),
    Argued(("kms:ListAliases",), "*", "lists have no ARN", only=APPLY),
    Argued(("ecs:DeregisterTaskDefinition",), "*", "AWS asks for it without a resource", only=APPLY),
    Argued(
        ("kms:CreateKey", "kms:TagResource"),
        "*",
        "a key that is to be made has no ARN yet; it comes with the platform's tag",
        "aws:requesttag/project",
        only=APPLY,
    ),
    Argued(
        ("kms:Decrypt",),
        "arn:*:kms:*:*:key/*",
        "the key of the release parameters is made later; what is decrypted names the environment's own",
        "kms:encryptioncontext:parameter_arn",
        only=PLAN,
    ),
    Argued(("ecr:GetAuthorizationToken",), "*", "a registry's token belongs to no repository"),
    Argued(
        ("cloudwatch:PutMetricData",),
        "*",
        "metrics have no ARN; the namespace is what can be named",
        "cloudwatch:namespace",
    ),
    Argued(
        WRITE_LOGS, "arn:*:logs:*:*:log-group:/aws-glue/*", "Glue writes all jobs' logs there, and no job can choose"
    ),
    Argued(WRITE_LOGS, "arn:*:logs:*:*:log-group:/aws/sagemaker/*", "SageMaker names the groups by kind of job"),
    Argued(
        (*RUN_JOBS, "sagemaker:AddTags"),
        "arn:*:sagemaker:*:*:*-job/*",
        "a pipeline names its jobs `pipelines-<execution>-<step>`, which holds no name of ours",
    ),
    Argued(
        ("sagemaker:AddTags",), "arn:*:sagemaker:*:*:model-package/*", "a version's ARN is not known before it is made"
    ),
    Argued(
        ("events:PutTargets", "events:PutRule", "events:DescribeRule"),
        "arn:*:events:*:*:rule/StepFunctionsGetEventsForSageMaker*",
        "the rules by which Step Functions hears of a job's end; the names are AWS's",
    ),
    Argued(
        (
            "logs:CreateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:DescribeLogGroups",
            "logs:DescribeResourcePolicies",
            "logs:GetLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
        ),
        "*",
        "the delivery of a state machine's log knows no resources",
    ),
    Argued(
        (
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeDhcpOptions",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
        ),
        "*",
        "what Lambda, Glue and SageMaker need to stand in a network; the calls that describe know no resources",
    ),
    Argued(
        ("ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterfacePermission"),
        "arn:*:ec2:*:network-interface/*",
        "SageMaker lends itself the interfaces that it makes for a job; their subnet is what is known of them",
        bound="ec2:subnet",
    ),
    Argued(
        ("ec2:DescribeRouteTables", "ec2:DescribeVpcAttribute", "ec2:DescribeVpcEndpoints"),
        "*",
        "Glue looks at a network before it joins it, and lists have no ARN",
    ),
    Argued(
        ("ec2:CreateTags", "ec2:DeleteTags"),
        "arn:*:ec2:*:network-interface/*",
        "Glue tags the interfaces that it makes, whose names nobody knows before",
        bound="aws:tagkeys",
    ),
    Argued(
        ("xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments"),
        "*",
        "traces have no ARN",
    ),
    Argued(
        (
            "cloudwatch:GetMetricStatistics",
            "cloudwatch:ListMetrics",
            "sagemaker:ListModelPackages",
            "sqs:ListQueues",
        ),
        "*",
        "lists and measures know no resources; they name what is there and read no data",
    ),
    Argued(
        ("cloudwatch:DescribeAlarms",),
        "arn:*:cloudwatch:*:*:alarm:*",
        "alarms are looked for by the beginning of their name, which is asked of all of them",
    ),
    Argued(
        ("execute-api:Invoke",),
        "arn:*:execute-api:[a-z]*:[0-9]*:[a-z0-9]*/$default/[A-Z]*/v1/cases/[*]",
        "a case's identifier ends the path; API, stage and verb are named",
    ),
    Argued(
        ("execute-api:Invoke",),
        "arn:*:execute-api:[a-z]*:[0-9]*:[a-z0-9]*/$default/[A-Z]*/v1/cases/[*]/[a-z]*",
        "a case's identifier is a part of the path; API, stage, verb and what is done with it are named",
    ),
    Argued(("kms:*",), "*", "its account must be able to administer a key", own=True),
    Argued(
        (
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:Encrypt",
            "kms:GenerateDataKey",
            "kms:GenerateDataKey*",
            "kms:ReEncrypt*",
        ),
        "*",
        "services ask for data keys of either kind, and conditions say which services for whom",
        own=True,
    ),
)
