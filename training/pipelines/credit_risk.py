"""The credit pipeline: will this loan default?"""

from __future__ import annotations

from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.mlops.workflow.pipeline import Pipeline

from training.pipelines.places import Places
from training.pipelines.steps import pipeline


def build(places: Places, session: PipelineSession) -> Pipeline:
    """Reads GOLD: each row is what was known when the loan was applied for.

    The offline store holds the same rows, but may lag behind by a quarter of an hour, and half a set trains in silence.
    """
    return pipeline(
        "credit",
        {
            "features": "gold/loan_features/",
            "labels": "silver/loan_",  # whichever of a lender's tables there are: no single one has to be
            "declared": "quality/declared/",  # what columns.yaml says, which the night keeps there
        },
        minimum_auc=0.55,
        places=places,
        session=session,
    )
