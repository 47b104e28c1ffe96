"""The credit pipeline: will this loan default?"""

from __future__ import annotations

from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.mlops.workflow.pipeline import Pipeline

from training.pipelines.places import Places
from training.pipelines.steps import pipeline


def build(places: Places, session: PipelineSession) -> Pipeline:
    """Reads the offline store of loan applications: each row is what was known when the loan was applied for."""
    return pipeline(
        "credit",
        features="feature-store/loan-applicant/",
        labels="silver/loan_outcomes/",
        minimum_auc=0.55,
        places=places,
        session=session,
    )
