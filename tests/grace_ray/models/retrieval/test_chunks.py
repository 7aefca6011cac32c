"""Passages: cut where the author did, never too big, nothing lost."""

from hypothesis import given
from hypothesis import strategies as st

from grace_ray.models.retrieval.chunks import MAX_CHARS, split_markdown, split_text

RUNBOOK = """---
title: "Node RAID Degraded"
weight: 20
---

# NodeRAIDDegraded

## Meaning

RAID array is degraded. {filler}

## Diagnosis

Look at the array:

```shell
# not a heading
cat /proc/mdstat
```

### Disks

{filler}
""".format(filler="One or more disks failed, and no spare is left to rebuild the array from. " * 5)


def test_front_matter_gives_a_name_and_is_no_passage():
    article = split_markdown(RUNBOOK, "NodeRAIDDegraded")
    assert article.title == "NodeRAIDDegraded"
    assert article.aliases == ("Node RAID Degraded",)
    assert not any("weight" in passage.text for passage in article.passages)


def test_a_passage_knows_its_headings_and_its_line():
    passages = split_markdown(RUNBOOK, "NodeRAIDDegraded").passages
    assert [passage.heading for passage in passages] == [("Meaning",), ("Diagnosis",)]
    lines = RUNBOOK.splitlines()
    assert lines[passages[0].line - 1].startswith("RAID array is degraded.")
    assert lines[passages[1].line - 1] == "Look at the array:"


def test_a_hash_inside_code_is_no_heading_and_the_block_stays_whole():
    holding = [p for p in split_markdown(RUNBOOK).passages if "mdstat" in p.text]
    assert len(holding) == 1
    assert "```shell\n# not a heading\ncat /proc/mdstat\n```" in holding[0].text


def test_small_sections_under_one_heading_are_joined_and_keep_their_headings_as_text():
    article = split_markdown("# T\n\n## Impact\n\nTODO\n\n## Mitigation\n\nRestart it.", "T")
    assert len(article.passages) == 1
    assert article.passages[0].text == "Impact\n\nTODO\n\nMitigation\n\nRestart it."


def test_underlined_headings_and_windows_line_ends_are_understood():
    article = split_markdown("Title\r\n=====\r\n\r\nPart\r\n----\r\n\r\nText.\r\n")
    assert article.title == "Title"
    assert article.passages[0].heading == ("Part",)
    assert article.passages[0].text == "Text."


def test_plain_text_is_cut_at_blank_lines():
    article = split_text("first " * 120 + "\n\n" + "second " * 120, "notes")
    assert [passage.text.split()[0] for passage in article.passages] == ["first", "second"]
    assert [passage.line for passage in article.passages] == [1, 3]


def test_a_document_without_text_has_no_passages():
    assert split_markdown("").passages == ()
    assert split_markdown("---\ntitle: x\n---\n").passages == ()
    assert split_text("\n\n").passages == ()


@given(st.text(st.sampled_from("ab #`\n-=~.|\t<!>[]()"), max_size=3_000))
def test_any_text_is_cut_within_bounds_and_no_word_is_lost(source):
    article = split_markdown(source, max_chars=300, min_chars=60)
    assert all(0 < len(passage.text) <= 300 for passage in article.passages)
    plain = split_text(source, max_chars=300, min_chars=60)
    kept = "".join("".join(passage.text.split()) for passage in plain.passages)
    assert kept == "".join(source.split())


def test_an_endless_word_is_cut_by_force():
    assert max(len(p.text) for p in split_markdown("x" * 10_000).passages) <= MAX_CHARS
