"""Masks: replace what is certainly a variable (numbers, addresses, ids, paths, times) in a log line by `<*>`.

A line is cut at white space and each token is looked up in a bounded cache; only a token not seen lately meets the one
combined pattern, and only if it holds something to mask. So a word costs one dictionary look-up.

>>> mask("Connection from 10.0.0.7 port 4242 closed after 1.5s, user=root")
'Connection from <*> port <*> closed after <*>, user=root'
>>> mask("Deleting block blk_-16089 file /data/current/blk_-16089")
'Deleting block blk_<*> file <*>'
"""

import re

WILDCARD = "<*>"

_TLD = r"(?:com|net|org|edu|gov|mil|int|arpa|info|biz|local|internal|lan|(?!so|sh|py|js|md|gz|db|rc)[a-z]{2})"
_IDENTIFIER = r"(?![0-9a-fA-F]+(?!\w))[A-Za-z]{2,}\d[A-Za-z_$]+(?![\w-])"  # a name with one digit in it: jk2_init
_COMBINED = re.compile(
    rf"""
      (?<=://)[^\s,;"'<>()\[\]{{}}]+                                              # URL, its scheme kept
    | (?<![\w.+-])[\w.+-]{{1,64}}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+                              # e-mail address
    | (?<![\w.])[0-9a-fA-F]{{8}}(?:-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}}              # UUID
    | (?<![\w:])(?:[0-9a-fA-F]{{2}}[:-]){{5,}}[0-9a-fA-F]{{2}}(?![\w:])               # MAC address, octets
    | (?<![\w:])(?:[0-9a-fA-F]{{1,4}}:){{7}}[0-9a-fA-F]{{1,4}}(?![\w:])               # IPv6, written out
    | (?<![\w:])(?:[0-9a-fA-F]{{1,4}}:){{1,6}}(?::[0-9a-fA-F]{{1,4}}){{1,6}}(?![\w:])   # IPv6, shortened
    | (?<![\w\\])(?:[A-Za-z]:|\\\\?\??)?(?:\\[\w.$?{{}}~+*-]+){{2,}}\\?              # Windows path
    | (?<![\w)\]>.*-])(?<!:/)(?!(?<=:)//)(?:~|\.{{1,2}})?(?:/+[\w.+@%$~*=-]+){{2,}}/?(?:\?[^\s"']*)?  # path
    | (?<![\w)\]>.*-])(?:~|\.{{1,2}})/+[\w.+@%$~*=-]+                             # path beside the present directory
    | (?<![\w/.-])[\w.$-]+(?:/[\w.$%~-]+){{2,}}                                   # path, relative
    | (?<![\w.-])(?:[a-z0-9_-]{{1,63}}\.){{1,8}}{_TLD}(?![\w.-]*\w)                          # host name
    | (?<![\w.-])[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)+(?=:\d{{2,5}}(?!\w))               # host name before a port
    | (?<!\w)\d{{4}}-\d\d-\d\d[T_-]\d\d[:.]\d\d(?:[:.]\d\d(?:[.,:]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?(?!\w) # ISO 8601
    | (?<!\w)0[xX][0-9a-fA-F]+(?!\w)                                            # hexadecimal
    | (?<!\w)[0-9a-fA-F]{{8,}}(?!\w)                                              # long hexadecimal
    | (?<![\w.-])[A-Za-z]+(?:-[A-Za-z]+)+-\d[\w.-]*(?<![.-])                         # host name like db-main-12
    | (?<=[A-Za-z][_.-])-?\d[\w.-]*(?<![.-])                                    # blk_-16, core.12, part-00001
    | (?<=[A-Za-z]-)[A-Z]+\d\w*                                                 # host-A12B
    | (?<=\bv)\d+(?:\.\d+)+[\w.-]*(?<![.-])                                     # v1.2.3
    | (?<!\w)(?<!\w\.)[-+]?\d+(?=ms(?!\w))                                      # 12ms, its unit kept
    | (?<!\w)(?<!\w\.)[-+]?\d+(?:[.:,/-]\d+)*(?:[A-Za-z%]{{1,3}}(?!\w))?(?!\w)      # numbers, dates, times, sizes
    | (?<!\w)(?!{_IDENTIFIER})[A-Za-z]*\d+[A-Za-z_-][\w-]*                            # a1b2-c3, not log4jConfig
    | (?<=[A-Za-z])\d{{2,}}(?!\w)                                                 # node42
    """,
    re.VERBOSE,
)
_MAYBE = re.compile(r"[0-9/\\@.]|[0-9a-fA-F]{8}|(?:[0-9a-fA-F]{2}[:-]){5}|:[0-9a-fA-F]*:")
_DIGIT = re.compile("[0-9]")
_SHAPE = str.maketrans("123456789", "000000000")
_TOKENS_KEPT = 100_000


class TokenMasks(dict[str, str]):
    """A bounded cache: white-space token -> the token with its variable parts masked.

    Tokens alike but for their digits are masked alike, so a number not seen before costs a second look-up, of the
    token's shape, and not a search.
    """

    def __init__(self) -> None:
        super().__init__()
        self._shapes: dict[str, str] = {}

    def __missing__(self, token: str) -> str:
        if token.isdigit():
            return WILDCARD
        shape = token.translate(_SHAPE)
        masked = self._shapes.get(shape)
        if masked is None:
            masked = self._searched(token, shape)
        if len(self) >= _TOKENS_KEPT:
            self.clear()
        self[token] = masked
        return masked

    def mask(self, line: str) -> str:
        """The line with runs of white space made one space and its variable parts made `<*>`."""
        return " ".join(map(self.__getitem__, line.split()))

    def _searched(self, token: str, shape: str) -> str:
        masked = _COMBINED.sub(WILDCARD, token) if _MAYBE.search(token) else token
        if shape != token and not _DIGIT.search(masked):
            if len(self._shapes) >= _TOKENS_KEPT:
                self._shapes.clear()
            self._shapes[shape] = masked
        return masked


_SHARED = TokenMasks()  # what a token is masked to never changes, so one cache serves the process


def mask(line: str) -> str:
    """The masked line; see the module's docstring."""
    return _SHARED.mask(line)
