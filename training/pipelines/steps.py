"""The steps that credit and fraud share: prepare, train every learner, evaluate, gate, register the better one."""

from __future__ import annotations

from collections.abc import Mapping

from sagemaker.core.network import NetworkConfig
from sagemaker.core.processing import Processor
from sagemaker.core.shapes import (
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
)
from sagemaker.core.training.configs import Compute, InputData, Networking, OutputDataConfig, StoppingCondition
from sagemaker.core.workflow.conditions import ConditionGreaterThanOrEqualTo
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterFloat, ParameterString
from sagemaker.core.workflow.pipeline_context import PipelineSession, _ModelStepArguments
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import ProcessingStep, TrainingStep
from sagemaker.train.model_trainer import ModelTrainer

from training.evaluate import ARCHIVE, DOSSIER, FAIRNESS
from training.pipelines import card
from training.pipelines.places import Places
from training.problems import PROBLEMS

CONTAINER = "/opt/ml/processing"
HOUR = 3600


def pipeline(
    problem: str, reads: Mapping[str, str], minimum_auc: float, places: Places, session: PipelineSession
) -> Pipeline:
    """The training pipeline of one problem. `reads` are prefixes of the lake by what `prepare` calls them."""
    as_of = ParameterString("AsOf")
    gate = ParameterFloat("MinimumAuc", default_value=minimum_auc)
    costs = [ParameterString("Costs", default_value="{}")] if PROBLEMS[problem].has_policy else []
    solved_for = ["--costs", *costs] if costs else []
    treated = [ParameterString("Fairness", default_value="{}")] if PROBLEMS[problem].crossfitted else []
    held_to = ["--fairness", *treated] if treated else []
    defined = [ParameterString("Default", default_value="{}")] if PROBLEMS[problem].states else []
    labelled_by = ["--default", *defined] if defined else []
    declined = [ParameterString("Rejects", default_value="none")] if PROBLEMS[problem].declined else []
    inferring = ["--rejects", *declined] if declined else []
    chosen = [*costs, *treated, *defined, *declined]  # of a training: who trains the model anew says the same
    noted = [word for parameter in chosen for word in ("--trained_with", parameter.name, parameter)]
    run = Join(on="/", values=[f"s3://{places.lake}/training/{problem}", ExecutionVariables.PIPELINE_EXECUTION_ID])

    def processing(name: str, module: str, arguments: list, inputs: dict, outputs: list, files=None) -> ProcessingStep:
        processor = Processor(
            role=places.role(name),
            image_uri=places.image,
            instance_count=1,
            instance_type=places.instance,
            output_kms_key=places.key,
            volume_kms_key=places.key,
            entrypoint=["process", module],
            max_runtime_in_seconds=HOUR,
            network_config=NetworkConfig(security_group_ids=[places.security_group], subnets=[places.subnet]),
            sagemaker_session=session,
        )
        arguments = processor.run(
            inputs=[from_s3(n, uri) for n, uri in {"code": places.code, **inputs}.items()],
            outputs=[to_s3(n, Join(on="/", values=[run, n])) for n in outputs],
            arguments=["--problem", problem, *arguments],
        )
        return ProcessingStep(name=name, step_args=arguments, property_files=files)

    prepare = processing(
        "Prepare",
        "training.prepare",
        ["--as_of", as_of, *solved_for, *labelled_by, *inferring],
        {name: f"s3://{places.lake}/{prefix}" for name, prefix in reads.items()},
        ["train", "validation", "test"],
    )
    prepared = prepare.properties.ProcessingOutputConfig.Outputs

    def training(learner: str) -> TrainingStep:
        trainer = ModelTrainer(
            training_image=places.image,
            role=places.role("train"),
            sagemaker_session=session,
            base_job_name=f"{places.prefix}-{problem}-{learner}",
            compute=Compute(
                instance_type=places.instance,
                instance_count=1,
                volume_size_in_gb=30,
                volume_kms_key_id=places.key,
            ),
            networking=Networking(security_group_ids=[places.security_group], subnets=[places.subnet]),
            stopping_condition=StoppingCondition(max_runtime_in_seconds=HOUR),
            output_data_config=OutputDataConfig(
                s3_output_path=f"s3://{places.lake}/training/{problem}/models",
                kms_key_id=places.key,
            ),
            hyperparameters={"problem": problem, "learner": learner},
        )
        return TrainingStep(
            name=f"Train-{learner}",
            step_args=trainer.train(
                input_data_config=[
                    InputData(channel_name="train", data_source=prepared["train"].S3Output.S3Uri),
                    InputData(channel_name="validation", data_source=prepared["validation"].S3Output.S3Uri),
                    InputData(channel_name="code", data_source=places.code),
                ],
                wait=False,
            ),
        )

    trained = {learner: training(learner) for learner in PROBLEMS[problem].candidates}

    evaluation = PropertyFile(name="Evaluation", output_name="evaluation", path="evaluation.json")
    evaluate = processing(
        "Evaluate",
        "training.evaluate",
        [*solved_for, *held_to, *noted],
        {
            **{f"model-{n}": step.properties.ModelArtifacts.S3ModelArtifacts for n, step in trained.items()},
            # The better one learns once more, from all rows.
            **({"train": prepared["train"].S3Output.S3Uri} if PROBLEMS[problem].crossfitted else {}),
            "test": prepared["test"].S3Output.S3Uri,
            "validation": prepared["validation"].S3Output.S3Uri,
        },
        ["evaluation", "model"],
        files=[evaluation],
    )
    register = ModelStep(name="Register", step_args=registration(problem, places, session, evaluate, evaluation))
    reached = JsonGet(step_name=evaluate.name, property_file=evaluation, json_path="test.auc")
    refused = FailStep(
        name="TooWeak",
        error_message=Join(on=" ", values=["AUC on the test rows is", reached, "below the gate of", gate]),
    )
    decide = ConditionStep(
        name="GoodEnough",
        conditions=[ConditionGreaterThanOrEqualTo(left=reached, right=gate)],
        if_steps=[register],
        else_steps=[refused],
    )
    return Pipeline(
        name=f"{places.prefix}-{problem}",
        parameters=[as_of, gate, *costs, *defined, *declined, *treated],
        steps=[prepare, *trained.values(), evaluate, decide],
        # An experiment's record would need further rights, and some regions have no experiments.
        pipeline_experiment_config=None,
        sagemaker_session=session,
    )


def registration(
    problem: str, places: Places, session, evaluate: ProcessingStep, evaluation: PropertyFile
) -> _ModelStepArguments:
    """The request that registers the archive. Written out: the SDK's builder would put AWS's own server around it.

    It names no instance types, which a versioned package may leave out: what a model is released on, and scores batches
    on, Terraform chooses later and may choose anew.
    """
    outputs = evaluate.properties.ProcessingOutputConfig.Outputs
    quality = outputs["evaluation"].S3Output.S3Uri
    archive = Join(on="/", values=[outputs["model"].S3Output.S3Uri, ARCHIVE])
    dossier = Join(on="/", values=[quality, DOSSIER])
    treatment = {
        "Bias": {
            "PostTrainingReport": {
                "ContentType": "application/json",
                "S3Uri": Join(on="/", values=[quality, FAIRNESS]),
            }
        }
    }
    arguments = _ModelStepArguments(_Session(session))
    arguments.caller_name = "create_model_package_from_containers"
    arguments.create_model_package_request = {
        "ModelPackageGroupName": f"{places.prefix}-{problem}",
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {
            "Containers": [{"Image": places.image, "ModelDataUrl": archive}],
            "SupportedContentTypes": ["text/csv", "application/json"],
            "SupportedResponseMIMETypes": ["text/csv", "application/json"],
        },
        "ModelMetrics": {
            "ModelQuality": {
                "Statistics": {
                    "ContentType": "application/json",
                    "S3Uri": Join(on="/", values=[quality, "evaluation.json"]),
                },
                # What was asked of the model, with thresholds and verdicts.
                "Constraints": {
                    "ContentType": "application/json",
                    "S3Uri": dossier,
                },
            },
            **(treatment if PROBLEMS[problem].crossfitted else {}),
        },
        "ModelCard": {
            "ModelCardStatus": "PendingReview",
            "ModelCardContent": card.content(problem, evaluate.name, evaluation, archive, dossier),
        },
    }
    return arguments


class _Session:
    """What ModelStep asks of the model that made its arguments: only the session."""

    def __init__(self, session: PipelineSession) -> None:
        self.sagemaker_session = session


def from_s3(name: str, uri) -> ProcessingInput:
    return ProcessingInput(
        input_name=name,
        s3_input=ProcessingS3Input(
            s3_uri=uri,
            local_path=f"{CONTAINER}/input/{name}",
            s3_data_type="S3Prefix",
            s3_input_mode="File",
            s3_data_distribution_type="FullyReplicated",
        ),
    )


def to_s3(name: str, uri) -> ProcessingOutput:
    return ProcessingOutput(
        output_name=name,
        s3_output=ProcessingS3Output(s3_uri=uri, local_path=f"{CONTAINER}/output/{name}", s3_upload_mode="EndOfJob"),
    )
