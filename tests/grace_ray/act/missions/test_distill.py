"""Distillation: what is picked of the passages, and what is never let through."""

from datetime import UTC, datetime

import pytest

from grace_ray.act.missions.distill import PER_SOURCE_MAX, STATEMENTS_MAX, ExtractiveDistiller
from grace_ray.act.missions.segments import segments
from grace_ray.act.missions.written import WritingDistiller, prompt, stands_in
from grace_ray.core.document import Hit
from grace_ray.core.errors import Unreachable
from grace_ray.core.mission import Question

NOW = datetime(2026, 5, 4, tzinfo=UTC)
QUESTION = Question(text="Etcd member has slow fsync on its disk", topic="etcd slow", messages=("wal fsync took 2s",))

RUNBOOK = """## Meaning

The alert fires when etcd fsync of its WAL is slow.

## Impact

Etcd may lose its leader.

## Mitigation

- Move etcd's disk to fast SSD storage.
- Stop other writers on the same disk, e.g. backup jobs.

Check the latency of the disk:

```shell
$ fio --rw=write --fdatasync=1 --directory=/var/lib/etcd
```

TODO: write more.
See [the documentation](https://example.org).
"""


def hit(text=RUNBOOK, title="EtcdSlowFsync", source="/books/etcd.md", **changed):
    fields = {"heading": "", "origin": "runbooks", "topic": "", "score": 1.0, "confidence": 1.0}
    return Hit(passage_id=f"{source}#{hash(text)}", text=text, title=title, source=source, **{**fields, **changed})


def distil(*hits, question=QUESTION, **changed):
    return ExtractiveDistiller(lambda: NOW, **changed).distill(question, hits)


def test_what_to_do_comes_before_what_it_means():
    texts = [statement.text for statement in distil(hit())]
    assert "SSD" in texts[0] or "Stop other writers" in texts[0] or "fio" in texts[0]
    places = {word: next(n for n, text in enumerate(texts) if word in text) for word in ("SSD", "fires when")}
    assert places["SSD"] < places["fires when"]
    assert not any("TODO" in text or text.startswith("See") for text in texts)


def test_a_command_stays_with_the_sentence_that_introduces_it():
    (statement,) = [s for s in distil(hit()) if "fio" in s.text]
    assert statement.text.startswith("Check the latency of the disk:")
    assert "`fio --rw=write --fdatasync=1 --directory=/var/lib/etcd`" in statement.text


def test_every_statement_quotes_its_passage_and_names_its_source():
    for statement in distil(hit()):
        assert " ".join(statement.passage.split()) in " ".join(RUNBOOK.split())
        assert (statement.source, statement.title, statement.topic) == ("/books/etcd.md", "EtcdSlowFsync", "etcd slow")
        assert 0 < statement.confidence <= 0.95
        assert statement.at == NOW


def test_passages_about_something_else_are_left():
    other = hit("## Mitigation\n\nRenew the certificate of the ingress.", "CertificateExpires", "/books/cert.md")
    assert distil(other) == []
    assert {statement.source for statement in distil(hit(), other)} == {"/books/etcd.md"}


def test_the_same_advice_from_two_sources_is_given_once():
    twin = hit("## Fix\n\n- Move etcd's disk to a fast SSD storage.", "EtcdSlowFsync", "/other.md", score=0.9)
    texts = [statement.text for statement in distil(hit(), twin) if "SSD" in statement.text]
    assert len(texts) == 1


def test_no_source_fills_the_answer_alone():
    words = ["amber", "wooden", "copper", "purple", "silent", "broken", "frozen", "golden", "hollow", "narrow"]
    many = "## Mitigation\n\n" + "\n".join(f"- Restart etcd after the {word} disk is replaced." for word in words)
    assert len(distil(hit(many))) <= PER_SOURCE_MAX
    apart = [hit(f"## Fix\n\nReplace {word} etcd disks.", f"Etcd slow {word}", f"/{word}.md") for word in words]
    assert len(distil(*apart)) <= STATEMENTS_MAX


def test_what_helped_before_is_preferred():
    good = hit("Raise the heartbeat interval of etcd members.", "Etcd", "/a.md", usefulness=0.95)
    bad = hit("Ignore warnings of etcd members for now.", "Etcd", "/b.md", usefulness=0.05)
    assert [statement.source for statement in distil(bad, good)] == ["/a.md", "/b.md"]


def test_the_same_statement_has_the_same_id_whoever_learns_it():
    assert {s.id for s in distil(hit())} == {s.id for s in distil(hit(score=0.8))}


@pytest.mark.parametrize(
    "text", ["", "\n\n", "```", "```\nx", "# H\n# H\n", "- \n- ", "|a|b|\n|-|-|", "\x00\x01", "(" * 5000]
)
def test_any_text_can_be_cut_into_segments(text):
    for segment in segments(text):
        assert segment.text


def test_a_list_item_carries_the_words_that_introduce_its_list():
    found = segments("Things to look for:\n\n- full filesystems and quotas\n- wrong permissions of a folder\n")
    assert [s.text for s in found] == [
        "Things to look for: full filesystems and quotas",
        "Things to look for: wrong permissions of a folder",
    ]


class Model:
    """Answers what it is told to, and keeps the prompt."""

    def __init__(self, answer):
        self.answer = answer
        self.prompt = ""

    def complete(self, system, prompt, max_tokens=512):
        self.prompt = prompt
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def write(answer, *hits):
    distiller = WritingDistiller(Model(answer), ExtractiveDistiller(lambda: NOW), lambda: NOW)
    return distiller.distill(QUESTION, hits or (hit(),)), distiller.note


GOOD = """Here you are:
```json
{"statements": [
 {"text": "Put etcd's disk on fast SSD storage.", "passage": 1, "confidence": 0.8,
  "quote": "Move etcd's disk to fast SSD storage"},
 {"text": "Buy more memory for the etcd disk.", "passage": 1, "quote": "Buy more memory", "confidence": 0.9},
 {"text": "Stop backup jobs.", "passage": 7, "quote": "Stop other writers on the same disk"},
 {"text": "Ask the vendor about licences of routers.", "passage": 1, "quote": "Stop other writers on the same disk"},
 {"text": "No quotation here.", "passage": 1},
 {"text": "", "passage": 1, "quote": "Stop other writers on the same disk"}]}
```"""


def test_a_written_statement_must_cite_words_of_its_passage():
    statements, note = write(GOOD)
    assert [statement.text for statement in statements] == ["Put etcd's disk on fast SSD storage."]
    assert statements[0].source == "/books/etcd.md"
    assert statements[0].confidence == 0.8
    assert "5 statements without proof were dropped" in note


@pytest.mark.parametrize(
    "answer",
    [Unreachable("The language model did not answer."), "I think so.", "{", "[1, 2]", '{"statements": 7}',
     '{"statements": [{"text": "x y z w", "passage": true, "quote": "Move etcd\'s disk to"}]}'],
)  # fmt: skip
def test_where_the_model_fails_extraction_takes_over_and_says_so(answer):
    statements, note = write(answer)
    assert statements == distil(hit())
    assert note.startswith("Extracted without the language model:")


def test_the_prompt_holds_the_question_and_numbered_passages():
    text = prompt(QUESTION, [hit("One.", "A"), hit("Two.", "B", heading="Fix")])
    assert "Etcd member has slow fsync" in text
    assert "wal fsync took 2s" in text
    assert "Passage 2 (B, Fix):\nTwo." in text


def test_a_quotation_stands_word_for_word():
    assert stands_in("Move ETCD's disk", RUNBOOK)
    assert not stands_in("Move etcd's slow disk", RUNBOOK)
    assert not stands_in("ove etcd", RUNBOOK)


def test_confidence_is_low_where_the_source_is_hardly_about_the_question():
    sure = [statement.confidence for statement in distil(hit(relevance=0.95))]
    unsure = [statement.confidence for statement in distil(hit(relevance=0.3))]
    assert max(sure) > 0.7
    assert max(unsure) <= 0.3


def test_a_page_from_elsewhere_is_judged_by_the_words_that_it_covers():
    near = distil(hit(origin="web", relevance=None))
    far = distil(
        hit(text="Check the disk of the printer before you print.", title="Printing", origin="web", relevance=None)
    )
    assert near[0].confidence > 0.5
    assert all(statement.confidence < 0.5 for statement in far)
