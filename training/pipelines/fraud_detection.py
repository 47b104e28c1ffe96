"""The fraud pipeline: is this payment fraud?"""

from __future__ import annotations

from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.mlops.workflow.pipeline import Pipeline

from training.pipelines.places import Places
from training.pipelines.steps import pipeline


def build(places: Places, session: PipelineSession) -> Pipeline:
    """Reads GOLD: the vectors that the doors would have served."""
    return pipeline(
        "fraud",
        {"features": "gold/transaction_features/", "labels": "silver/fraud_labels/"},
        minimum_auc=0.60,
        places=places,
        session=session,
    )
