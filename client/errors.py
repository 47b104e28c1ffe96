"""What an answer may mean other than what was asked for. Each says what was expected, what came, and what to do."""

from __future__ import annotations


class ApiError(RuntimeError):
    """`status` is the answer's, none where there was no answer; `said` is what the API said of it."""

    expected = "an answer that the API's document names"
    to_do = "compare the client's version with GET /v1/openapi.json"

    def __init__(self, asked: str, status: int | None, said: str) -> None:
        came = said if status is None else f"{status} {said}".rstrip()
        super().__init__(f"{asked}: expected {self.expected}; came: {came}; {self.to_do}")
        self.asked, self.status, self.said = asked, status, said


class InvalidRequest(ApiError):
    expected = "a request as the route takes it"
    to_do = "nothing was changed: correct what is named"


class NotAllowed(ApiError):
    expected = "a signature or a token that may use the route"
    to_do = "nothing was changed: take a role that has the route, or look at clock and region"


class NotFound(ApiError):
    expected = "something that is there"
    to_do = "look at the identifier; what was decided a moment ago may come later"


class Conflict(ApiError):
    expected = "something in another state, or the same question as before under this identifier"
    to_do = "nothing was changed: read it again"


class TooLarge(ApiError):
    expected = "a smaller request"
    to_do = "nothing was changed: send less at once"


class Throttled(ApiError):
    expected = "fewer requests"
    to_do = "nothing was changed: ask later"


class Unavailable(ApiError):
    """The API could not do it now, or it cannot be told whether it did."""

    expected = "an answer that it was done"
    to_do = "ask the same again: the document says whether it is done once (`x-idempotent`)"


class Unreachable(ApiError):
    """No answer came."""

    expected = "an answer"
    to_do = "look at URL and network; whether it was done is not known, read before you ask again"


OF_STATUS: dict[int, type[ApiError]] = {
    400: InvalidRequest,
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    429: Throttled,
    500: Unavailable,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}
