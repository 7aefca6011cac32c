"""One tree of errors, split by whose fault it is: the caller's, the outside world's, or Grace's own.

Every error carries a sentence as its first positional argument (so it crosses process borders intact) and, where one
is to blame, the name of the field.
"""


class GraceError(Exception):
    """Root of every error that Grace raises on purpose.

    ``message`` is one sentence; ``field`` names the input at fault, empty where none is.
    """

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message, field)
        self.message = message
        self.field = field

    def __str__(self) -> str:
        return self.message


class CallerError(GraceError):
    """The caller sent something that cannot be taken."""


class InvalidInput(CallerError):
    """A value is malformed, of the wrong type, or out of range; ``field`` names it."""


class TooLarge(CallerError):
    """The input exceeds a size limit."""


class NotFound(CallerError):
    """What was asked for does not exist (or is not the caller's to see)."""


class Conflict(CallerError):
    """The request contradicts the present state, such as a merge of what is merged already."""


class Unauthorized(CallerError):
    """No credentials, or ones that do not hold."""


class Forbidden(CallerError):
    """Good credentials without the scope that is needed."""


class OutsideError(GraceError):
    """Something that Grace depends on, and does not own, failed."""


class Unreachable(OutsideError):
    """A source, site or service did not answer."""


class RateLimited(OutsideError):
    """A service asked us to wait ``retry_after_s`` seconds."""

    def __init__(self, message: str, field: str = "", retry_after_s: float = 60.0) -> None:
        super().__init__(message, field)
        self.args = (message, field, retry_after_s)
        self.retry_after_s = retry_after_s


class Refused(OutsideError):
    """A policy (robots.txt, private address, size, content type) forbids reading this source."""


class RuntimeFault(GraceError):
    """Grace itself cannot do this now."""


class Backpressure(RuntimeFault):
    """A buffer is full; the caller may try again after ``retry_after_s`` seconds."""

    def __init__(self, message: str, field: str = "", retry_after_s: float = 1.0) -> None:
        super().__init__(message, field)
        self.args = (message, field, retry_after_s)
        self.retry_after_s = retry_after_s


class StoreUnavailable(RuntimeFault):
    """The store cannot be written now: disk full, read-only, or the database is away."""


class PartAway(RuntimeFault):
    """A part of Grace did not answer in time, or is being made again; the same call may be repeated."""


class StaleCursor(RuntimeFault):
    """A follower tried to commit from a cursor that is not the stored one: it must restore before it goes on."""


class Tampered(RuntimeFault):
    """The journal does not verify; the message names the first bad entry."""


class NewerVersion(RuntimeFault):
    """The data was written by a newer version of Grace."""


class Disabled(RuntimeFault):
    """The part that would answer is switched off by a setting."""
