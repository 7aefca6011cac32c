"""A response's body within a limit of size, whatever its headers promise: counted as it comes, and as it unpacks."""

import zlib
from collections.abc import Iterable

from grace_ray.core.errors import Refused, TooLarge

_GZIP = 16 + zlib.MAX_WBITS
_WINDOWS = {"": 0, "identity": 0, "gzip": _GZIP, "x-gzip": _GZIP, "deflate": zlib.MAX_WBITS}


def read_body(chunks: Iterable[bytes], encoding: str, limit: int) -> bytes:
    """Return the decompressed body. Raises TooLarge beyond ``limit`` bytes, Refused for an encoding not asked for."""
    window = _WINDOWS.get(encoding.strip().lower())
    if window is None:
        raise Refused(f"The content encoding {encoding!r} was not asked for.", "content-encoding")
    unpacker = zlib.decompressobj(window) if window else None
    body = bytearray()
    for chunk in chunks:
        try:
            body += unpacker.decompress(chunk, limit + 1 - len(body)) if unpacker else chunk
        except zlib.error as error:
            raise Refused(f"The body is not {encoding}: {error}.", "content-encoding") from error
        if len(body) > limit:
            raise TooLarge(f"The page is larger than {limit} bytes.", "body")
    return bytes(body)
