"""Redaction: secrets in field names' values and in free text are blacked out before anything is stored.

Two steps keep clean events cheap. ``Redactor.sign`` lets a Scanner find, in all bytes of a batch at once, what may hold
a secret: ``password=`` is a suspect, ``Failed password for`` is not. Only suspects are walked: fields by the last words
of their names, text by one combined pattern.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from grace_ray.sense.scan import Sign

REDACTED = "[redacted]"

# Names whose values are secret, in any case: the end of a field's name, or what stands before "=" in text.
_NAME = r"""
pass[_\-.\ ]?(?:word|wd|phrase|code)(?:[_\-.\ ]?hash)?|pwd|secret|token|authorization|cookie|credential|jwt|dsn
|(?:api|secret|private|access|signing|encryption|ssh|master|account|shared|auth|session|storage|service)[_\-.\ ]?key
|[a-z][_\-]pass|[a-z][_\-]pat
"""
_WHOLE_NAMES = frozenset({"pass", "auth", "bearer", "pat"})
_SEPARATORS = re.compile(r"[^a-z0-9]")

# Four letters that occur in whatever the patterns below match; "?" stands for any. The shape of sense.scan.Sign.
_PIECES = """
pass pwd? secr toke ?key auth cook cred bear basi jwt? dsn? pat" pat= pat: pat_ ://?
akia asia ghp_ gho_ ghu_ ghs_ ghr_ glpa xox? xapp eyj? -beg sk-? sk_l sk_t rk_l rk_t aiza npm_ sg.? ya29 pypi hf_? slac
dop_
"""
# What makes a piece suspicious: a name with a value after it, a command line flag, or the head of a known token.
_CONTEXT = r"""
    (?:{name}|.key|auth|pass|pat|bearer)s?["'\\]*\s*[=:,]
  | (?<=-)[\w\-]+\s+[^\s\-]
  | ://[^\s/:@"']*:[^\s/"']+@
  | (?:bearer|basic)\s+[^\s"]
  | (?:akia|asia)[a-z0-9]{16} | gh[pousr]_\w | pat_\w | glpat | xox[a-z]- | xapp- | eyj[\w\-]{8} | -begin
  | sk-[\w\-]{20} | [sr]k_(?:live|test)_ | aiza | npm_ | sg\.\w | ya29 | pypi- | hf_ | slack\. | dop_
"""
_FLAGS = re.IGNORECASE | re.VERBOSE

# What follows a secret's name without being a secret: words of a sentence, and what was blacked out before.
_PROSE = (
    r"(?:(?:too|is|are|was|not|must|can|cannot|has|have|invalid|expired|incorrect|missing|required|unknown|wrong|null"
    r"|none|true|false|empty|failed|mismatch|rejected|refused|denied|accepted|check|no|the|for|from)\b"
    r"|(?:bearer|basic|token|digest|negotiate|apikey)\s+\[redacted)"
)
# How objects print themselves: Token{a64f992 ...}, android.os.BinderProxy@3c6f0f2.
_DUMP = r"(?-i:[A-Z][A-Za-z]+\ ?\{|(?:[a-z]+\.)+\w+@[0-9a-f]+\b)"
_TEXT = r"""
    (?P<pem>-----BEGIN\ [A-Z0-9 ]*PRIVATE\ KEY[A-Z ]*-----(?s:.*?)(?:-----END\ [A-Z0-9 ]*-----|\Z))
  | (?P<url>\b[a-z][a-z0-9+.\-]{{1,20}}://[^\s/:@"']*:)[^\s/"']+(?=@)
  | (?P<header>\b(?:proxy-)?authorization["']?\s*[:=]\s*["']?(?:(?:bearer|basic|token|digest|negotiate|apikey)\s+)?)
      (?!{prose})[^\s"',;\[][^\s"',;]*
  | (?P<cookie>\b(?:set-)?cookie["']?\s*:\s*["']?)(?!{prose})[^\s"'\[][^\r\n"']*
  | (?P<scheme>\b(?:bearer|basic)\s+)(?!(?-i:[A-Za-z]?[a-z]+|[A-Z]+)(?![\w.~+/=\-]))[\w.~+/\-]{{8,}}=*
  | (?P<pair>{name}["'\\]*\s*(?:=>|=|:(?!/))\s*)
      (?:"(?P<dq>(?:[^"\\]|\\.)*)"|'(?P<sq>[^']*)'|(?!{prose})(?!{dump})[^\s,;&"'()<>{{}}\[\]]+)
  | (?P<flag>--?{name}\s+)(?!{prose}|-)[^\s"']+
  | (?P<bare>
      \b(?-i:(?:AKIA|ASIA)[A-Z0-9]{{16}})\b
    | \bgh[pousr]_[a-z0-9]{{20,}} | \bgithub_pat_\w{{20,}} | \bglpat-[\w\-]{{16,}}
    | \bxox[a-z]-[\w\-]{{10,}} | \bxapp-[\w\-]{{10,}} | \bhooks\.slack\.com/services/[\w/]+
    | \beyj[\w\-]{{8,}}\.[\w\-]{{4,}}(?:\.[\w\-]*)?
    | \bsk-[\w\-]{{20,}} | \b(?:sk|rk)_(?:live|test)_\w{{10,}} | \b(?-i:AIza)[\w\-]{{30,}} | \bya29\.[\w\-]{{20,}}
    | \bnpm_[a-z0-9]{{30,}} | \bpypi-[\w\-]{{30,}} | \bSG\.[\w\-]{{16,}}\.[\w\-]{{16,}} | \bhf_[a-z0-9]{{30,}}
    | \bdop_v1_[a-z0-9]{{30,}}
    )
"""


class Redactor:
    """Blacks out secrets; ``extra`` are more field names, in any spelling, whose values are secret.

    >>> Redactor().value({"user": "ann", "apiKey": "k-123", "token_count": 5})
    {'user': 'ann', 'apiKey': '[redacted]', 'token_count': 5}
    >>> Redactor().text("GET https://ann:hunter2@example.org/ with password=x1")
    'GET https://ann:[redacted]@example.org/ with password=[redacted]'
    """

    def __init__(self, extra: Iterable[str] = ()) -> None:
        self._extra = frozenset(filter(None, (_squashed(name) for name in extra)))
        name = "|".join([_NAME, *map(_spellings, sorted(self._extra))])
        text = _TEXT.format(name=f"(?:{name})", prose=_PROSE, dump=_DUMP)
        self._text = re.compile(text, _FLAGS)
        self._name = re.compile(rf"(?:{name})s?[^a-z0-9]*$", _FLAGS)
        pieces = {*_PIECES.split(), *(piece for name in extra for piece in _pieces_of(name))}
        self.sign = Sign(pieces, re.compile(_CONTEXT.replace("{name}", name).encode(), _FLAGS))
        """What a Scanner looks for: whatever ``value`` would change shows it."""
        self._hint = re.compile("|".join(re.escape(piece).replace(r"\?", "(?s:.)") for piece in sorted(pieces)))
        self._is_secret = lru_cache(maxsize=8192)(self._is_secret_name)

    def value(self, value: Any) -> Any:
        """Return a JSON value with its secrets blacked out; the value itself is left alone."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return self._object(value)
        if isinstance(value, list):
            return self._array(value)
        return value

    def text(self, text: str) -> str:
        """Return free text with its secrets blacked out."""
        if not self._hint.search(text.lower()):
            return text
        return self._text.sub(_blacked_out, text)

    def _object(self, value: dict[str, Any]) -> dict[str, Any]:
        redacted = {
            name: _hidden(item, name) if self._is_secret(name) else self.value(item) for name, item in value.items()
        }
        # {"name": "DB_PASSWORD", "value": "..."}: how Kubernetes, HAR files and many more write a pair.
        named = value.get("name", value.get("key"))
        if isinstance(named, str) and "value" in value and self._is_secret(named):
            redacted["value"] = _hidden(value["value"], named)
        return redacted

    def _array(self, value: list[Any]) -> list[Any]:
        if len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], str) and self._is_secret(value[0]):
            return [value[0], REDACTED]
        return [self.value(item) for item in value]

    def _is_secret_name(self, name: str) -> bool:
        return self._name.search(name) is not None or _squashed(name) in _WHOLE_NAMES


def _spellings(name: str) -> str:
    """Return the pattern of a squashed name in any spelling: apiKey, api_key, API-KEY."""
    return r"(?<![a-z0-9])" + r"[_\-.\ ]?".join(map(re.escape, name))


def _pieces_of(name: str) -> list[str]:
    """Return 4-grams of which every spelling of ``name`` (apiKey, api_key, API KEY) contains one."""
    letters = _squashed(name)
    if len(letters) < 2:
        return []
    one, two, three = letters[:1], letters[1:2], letters[2:3] or "?"
    return [f"{one}{two}{three}?", f"{one}?{two}{three}", f"{one}{two}?{three}", f"{one}?{two}?"]


@lru_cache(maxsize=8192)
def _squashed(name: str) -> str:
    return _SEPARATORS.sub("", name.lower())


def _hidden(value: Any, name: str) -> Any:
    """Black out a secret field: not booleans and nulls, not counts such as ``tokens: 512``, not a working directory."""
    if isinstance(value, dict):
        return {key: _hidden(item, name) for key, item in value.items()}
    if isinstance(value, list):
        return [_hidden(item, name) for item in value]
    if value is None or isinstance(value, bool) or value == "":
        return value
    if isinstance(value, int | float) and (name.lower().endswith("s") or _squashed(name) in _WHOLE_NAMES):
        return value
    if _squashed(name) == "pwd" and isinstance(value, str) and value.startswith("/"):
        return value
    return REDACTED


def _blacked_out(found: re.Match[str]) -> str:
    if found["pem"] or found["bare"]:
        return REDACTED
    kept = found["url"] or found["header"] or found["cookie"] or found["scheme"] or found["pair"] or found["flag"] or ""
    quote = '"' if found["dq"] is not None else "'" if found["sq"] is not None else ""
    return f"{kept}{quote}{REDACTED}{quote}"
