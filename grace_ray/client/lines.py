"""Lines as they arrive, chunk by chunk."""


class Lines:
    r"""Puts lines together. Only a line feed ends one, for a JSON text may hold U+2028 and its like.

    >>> lines = Lines()
    >>> lines.feed(b'{"a":'), lines.feed(b'1}\r\n{"b":2}\n')
    ([], [b'{"a":1}', b'{"b":2}'])
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that this chunk completes, without their ends."""
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        return [line.removesuffix(b"\r") for line in whole]
