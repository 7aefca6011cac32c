"""Masks: replace what is certainly a variable (numbers, addresses, ids, paths, times) in a log line by `<*>`.

A line is cut at white space and each token is looked up in a bounded cache; only a token not seen lately meets the one
combined pattern, and only if it holds something to mask. So a word costs one dictionary look-up, and a line in which
nothing varies costs nothing else.

>>> mask("Connection from 10.0.0.7 port 4242 closed after 1.5s, user=root")
'Connection from <*> port <*> closed after <*>, user=root'
>>> mask("Deleting block blk_-16089 file /data/current/blk_-16089")
'Deleting block blk_<*> file <*>'
"""

import re

WILDCARD = "<*>"

_TLD = r"(?:com|net|org|edu|gov|mil|int|arpa|info|biz|local|internal|lan|(?!so|sh|py|js|md|gz|db|rc)[a-z]{2})"
_COMBINED = re.compile(
    rf"""
      (?<=://)[^\s,;"'<>()\[\]{{}}]+                                              # URL, its scheme kept
    | [\w.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+                                # e-mail address
    | (?<![\w.])[0-9a-fA-F]{{8}}(?:-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}}              # UUID
    | (?<![\w:])(?:[0-9a-fA-F]{{2}}[:-]){{5,}}[0-9a-fA-F]{{2}}(?![\w:])               # MAC address, octets
    | (?<![\w:])(?:[0-9a-fA-F]{{1,4}}:){{7}}[0-9a-fA-F]{{1,4}}(?![\w:])               # IPv6, written out
    | (?<![\w:])(?:[0-9a-fA-F]{{1,4}}:){{1,6}}(?::[0-9a-fA-F]{{1,4}}){{1,6}}(?![\w:])   # IPv6, shortened
    | (?<![\w\\])(?:[A-Za-z]:|\\\\?\??)?(?:\\[\w.$?{{}}~+*-]+){{2,}}\\?              # Windows path
    | (?<![\w)\]>.*-])(?:~|\.{{1,2}})?(?:/+[\w.+@%$~*-]+){{2,}}/?                   # path
    | (?<![\w)\]>.*-])(?:~|\.{{1,2}})/+[\w.+@%$~*-]+                              # path beside the present directory
    | (?<![\w/.-])[\w.$-]+(?:/[\w.$%~-]+){{2,}}                                   # path, relative
    | (?<![\w.-])(?:[a-z0-9_-]+\.)+{_TLD}(?![\w.-]*\w)                          # host name
    | (?<!\w)0[xX][0-9a-fA-F]+(?!\w)                                            # hexadecimal
    | (?<!\w)[0-9a-fA-F]{{8,}}(?!\w)                                              # long hexadecimal
    | (?<=[A-Za-z][_.-])-?\d[\w.-]*(?<![.-])                                    # blk_-16, core.12, part-00001
    | (?<=[A-Za-z]-)[A-Z]+\d\w*                                                 # host-A12B
    | (?<=\bv)\d+(?:\.\d+)+[\w.-]*(?<![.-])                                     # v1.2.3
    | (?<!\w)(?<!\w\.)[-+]?\d+(?=ms(?!\w))                                      # 12ms, its unit kept
    | (?<!\w)(?<!\w\.)[-+]?\d+(?:[.:,/-]\d+)*(?:[A-Za-z%]{{1,3}}(?!\w))?(?!\w)      # numbers, dates, times, sizes
    | (?<!\w)(?![A-Za-z]{{3,}}\d[A-Za-z$]{{3,}}(?!\w))[A-Za-z]*\d+[A-Za-z_-][\w-]*  # a1b2-c3, not log4jConfig
    | (?<=[A-Za-z])\d{{2,}}(?!\w)                                                 # node42
    """,
    re.VERBOSE,
)
_MAYBE = re.compile(r"[0-9/\\@.]|[0-9a-fA-F]{8}|(?:[0-9a-fA-F]{2}[:-]){5}|:[0-9a-fA-F]*:")
_TOKENS_KEPT = 100_000


class TokenMasks(dict[str, str]):
    """A bounded cache: white-space token -> the token with its variable parts masked."""

    __slots__ = ()

    def __missing__(self, token: str) -> str:
        if token.isdigit():
            return WILDCARD
        if token.isalpha() and len(token) < 8:
            masked = token
        elif _MAYBE.search(token):
            masked = _COMBINED.sub(WILDCARD, token)
        else:
            masked = token
        if len(self) >= _TOKENS_KEPT:
            self.clear()
        self[token] = masked
        return masked

    def mask(self, line: str) -> str:
        """The line with runs of white space made one space and its variable parts made `<*>`."""
        return " ".join(map(self.__getitem__, line.split()))


_SHARED = TokenMasks()


def mask(line: str) -> str:
    """The masked line; see the module's docstring."""
    return _SHARED.mask(line)
