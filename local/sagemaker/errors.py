"""The errors that callers see, with SageMaker's codes and wording."""

from __future__ import annotations


class ApiError(Exception):
    """An answer other than success: AWS error code, message, HTTP status and further members of the error shape."""

    def __init__(self, code: str, message: str, status: int = 400, **members: object) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status, self.members = code, message, status, members


def validation(message: str) -> ApiError:
    return ApiError("ValidationException", message)


def resource_not_found(message: str) -> ApiError:
    return ApiError("ResourceNotFound", message)


def could_not_find(kind: str, arn: str) -> ApiError:
    """Return the answer for a missing model, endpoint, endpoint configuration: Terraform waits for this text."""
    return validation(f'Could not find {kind} "{arn}".')


def already_exists(kind: str, arn: str) -> ApiError:
    return validation(f"Cannot create already existing {kind} {arn!r}.".replace("'", '"'))


def in_use(message: str) -> ApiError:
    return ApiError("ResourceInUse", message)


def conflict(message: str) -> ApiError:
    return ApiError("ConflictException", message)


def not_offered(operation: str) -> ApiError:
    """Return the answer for whatever exists on AWS but not here; it must never look like a success."""
    return ApiError("UnsupportedOperation", f"{operation} is not offered by the local SageMaker server.")
