"""Logs of Grace's processes: one JSON object a line in ``logs/<part>.log`` of the home, rotated at 10 MB."""

import logging
from logging.handlers import RotatingFileHandler

import structlog

from grace_ray.settings import Settings

_FILE_MAX_BYTES = 10_000_000
_FILES_KEPT = 3


def log_to_home(settings: Settings, part: str) -> None:
    """Send this process's log lines of ``settings.log_level`` and above to the home.

    Where several parts share the process, its first call names the file, and each line says its part. The file is
    opened with the first line. A disk that is full costs log lines and nothing else.
    """
    path = settings.home / "logs" / f"{part}.log"
    handler = RotatingFileHandler(path, maxBytes=_FILE_MAX_BYTES, backupCount=_FILES_KEPT, delay=True)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logging.raiseExceptions = False
    logger = logging.getLogger("grace")
    if logger.handlers:
        return
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(settings.log_level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=lambda *_: logger,
    )
