"""Limits of AWS that its API description does not have; those that it has are checked by `protocol.validate_input`.

Sizes in bytes unless the name says otherwise. Each is tripped by a test in tests/unit/local_sagemaker/test_limits.py.
"""

from __future__ import annotations

from .errors import ApiError, validation

KIB, MIB = 1 << 10, 1 << 20

INVOCATION = 6 * MIB  # a request to an endpoint
TRANSFORM_MB = 100  # MaxPayloadInMB, also times MaxConcurrentTransforms
TRANSFORM_DEFAULT_MB = 6
RECORD = 350 * KIB  # names and values of a record
RECORD_IDENTIFIER = 2 * KIB
RECORDS_READ = 100  # identifiers of one BatchGetRecord
RECORDS_WRITTEN = 25  # entries of one BatchWriteRecord
FEATURES_UPDATED = 100  # features of one UpdateRecord
EARLIEST, LATEST = 0.0, 253_402_300_799.0  # event times in epoch seconds: 1970 to the end of 9999
METADATA_PAIRS = 50  # CustomerMetadataProperties of a model package
PROCESSING_FOLDER = "/opt/ml/processing/"  # inputs and outputs of processing jobs lie below it


def require(fits: bool, what: str, expected: str, got: object) -> None:
    """Raise a ValidationException that says what was expected and what came."""
    if not fits:
        raise validation(f"{what}: expected {expected}, got {got}.")


def require_in_runtime(fits: bool, what: str, expected: str, got: object) -> None:
    """The same with the runtimes' error code."""
    if not fits:
        raise ApiError("ValidationError", f"Validation Error: {what}: expected {expected}, got {got}.")
