"""Masks replace what varies and leave words alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace_ray.models.templates.masks import TokenMasks, mask


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        (
            "Accepted password for root from 10.0.0.7 port 52113 ssh2",
            "Accepted password for root from <*> port <*> ssh2",
        ),
        ("took 12ms, used 1.13 KB (3%)", "took <*>ms, used <*> KB (<*>)"),
        ("at 2024-05-01T10:00:00.123Z retry=-5", "at <*> retry=<*>"),
        ("instance 7f9c24e8-3b1f-4f5c-9a94-1d2c3b4a5f6e is up", "instance <*> is up"),
        ("GET https://shop.example.com/cart?id=7 by ann@example.com", "GET https://<*> by <*>"),
        ("open /var/log/messages and C:\\Windows\\System32\\x.dll", "open <*> and <*>"),
        ("peer fe80::1 hw 00:11:43:e3:ba:c3 word 0xdeadbeef ffffffff", "peer <*> hw <*> word <*> <*>"),
        ("container_1445_0020_01_000002 core.1234 part-00001 v1.2.3", "container_<*> core.<*> part-<*> v<*>"),
        ("jk2_init() Found child log4jConfig", "jk2_init() Found child log4jConfig"),
        ("load/store alignment of double-hummer", "load/store alignment of double-hummer"),
        ("", ""),
    ],
)
def test_what_varies_is_masked_and_words_stay(line: str, masked: str) -> None:
    assert mask(line) == masked


@given(st.text(max_size=200))
def test_any_text_is_masked_the_same_by_a_fresh_cache(line: str) -> None:
    assert mask(line) == TokenMasks().mask(line)


@given(st.lists(st.from_regex(r"[a-z0-9:./_=-]{1,12}", fullmatch=True), max_size=8))
def test_a_warm_cache_gives_what_a_cold_one_gives(tokens: list[str]) -> None:
    warm = TokenMasks()
    warm.mask(" ".join(token.translate(str.maketrans("123456789", "987654321")) for token in tokens))
    line = " ".join(tokens)
    assert warm.mask(line) == TokenMasks().mask(line)


def test_the_cache_stays_bounded() -> None:
    masks = TokenMasks()
    masks.mask(" ".join(f"id{number}x" for number in range(250_000)))
    assert len(masks) <= 100_000
