"""Retrieval: the right runbook for an alert's text. Grace's hybrid search against BM25 peers and MiniLM alone.

All see the same runbooks and questions in one run, each in a process of its own with one thread for linear algebra:

* first / of five: share of the alerts whose runbook ranks first, and among the first five; MRR: mean of 1 / rank to 10;
* with a 95% interval by bootstrap over the alerts, since there are few of them;
* again with the alert's name in the question, as a real alert has it, and with its labels, as in a log line;
* CPU time a question, time to load, memory added over a bare NumPy process (RSS);
* a search among 20,000 passages.

Run it with `python bench/retrieval.py [--data DIR]`; DIR holds corpus.jsonl, queries.jsonl and qrels.tsv. The peers
rank_bm25 (lower-case words) and bm25s (English stop words, Snowball stemming) are installed below bench/.peers.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PEER_HOME = ROOT / "bench" / ".peers" / "retrieval"
RESULTS = ROOT / "bench" / "results" / "retrieval.json"
SIDES = ("grace", "grace_lexical", "minilm_alone", "rank_bm25", "bm25s")
QUESTIONS = ("text", "text_and_name", "text_and_labels")
LABELS = " severity=warning namespace=monitoring job=kube-state-metrics pod=prometheus-k8s-0 instance=10.0.3.17:9100"
SCALE_PASSAGES = 20_000
DEPTH = 10  # ranks beyond count as not found


def main() -> None:
    """Run every side, print the table, write the JSON."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "retrieval")
    options.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.side:
        json.dump(globals()[f"run_{chosen.side}"](json.load(sys.stdin)), sys.stdout)
        return
    if not (chosen.data / "corpus.jsonl").is_file():
        raise SystemExit("There is no corpus.jsonl below --data.")
    work, right = read(chosen.data)
    report = {side: scored(in_own_process(side, work), right) for side in SIDES}
    print_table(report, len(right))
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")
    print(f"\nWritten to {RESULTS.relative_to(ROOT)}.")


def read(folder: Path) -> tuple[dict[str, Any], list[list[str]]]:
    """(documents and questions in each form, the right documents of each question)."""
    documents = [json.loads(line) for line in (folder / "corpus.jsonl").read_text().splitlines()]
    queries = [json.loads(line) for line in (folder / "queries.jsonl").read_text().splitlines()]
    right: dict[str, list[str]] = {}
    for line in (folder / "qrels.tsv").read_text().splitlines():
        query, document, _ = line.split("\t")
        right.setdefault(query, []).append(document)
    questions = {
        "text": [query["text"] for query in queries],
        "text_and_name": [f"{query['alert']} {query['text']}" for query in queries],
        "text_and_labels": [query["text"] + LABELS for query in queries],
    }
    return {"documents": documents, "questions": questions}, [right[query["_id"]] for query in queries]


def in_own_process(side: str, work: dict[str, Any]) -> dict[str, Any]:
    """What one side finds, run by the Python that has what it needs."""
    python = str(peer_python()) if side in {"rank_bm25", "bm25s"} else sys.executable
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
    done = subprocess.run(
        [python, __file__, "--side", side],
        input=json.dumps(work),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **threads},
    )
    if done.returncode:
        raise SystemExit(f"{side} failed:\n{done.stderr}")
    return dict(json.loads(done.stdout))


def peer_python() -> Path:
    """The peers' own environment, made once."""
    python = PEER_HOME / "bin" / "python"
    if not python.exists():
        print("Installing rank_bm25 and bm25s below bench/.peers ...", flush=True)
        venv.create(PEER_HOME, with_pip=True)
        wanted = ["numpy", "rank_bm25==0.2.2", "bm25s>=0.3,<0.4", "PyStemmer>=3"]
        subprocess.run([str(python), "-m", "pip", "install", "-q", *wanted], check=True)
    return python


def run_grace(work: dict[str, Any]) -> dict[str, Any]:
    """Hybrid search, and its cost at scale."""
    return grace(work, is_dense=True)


def run_grace_lexical(work: dict[str, Any]) -> dict[str, Any]:
    """What is left where the embedding model is not installed."""
    return grace(work, is_dense=False)


def grace(work: dict[str, Any], is_dense: bool) -> dict[str, Any]:
    """Index, ask, measure."""
    sys.path.insert(0, str(ROOT))
    import numpy as np

    bare = resident_mb()
    from grace_ray.adapters.embedding.minilm_package import PackagedMiniLM
    from grace_ray.models.retrieval.chunks import split_markdown
    from grace_ray.models.retrieval.hybrid import HybridIndex, embedding_texts, query_text

    embedder = PackagedMiniLM()
    load_seconds = cpu_seconds(embedder.load) if is_dense else 0.0
    loaded = resident_mb()
    index = HybridIndex()
    articles = [(doc["_id"], split_markdown(doc["text"], doc["title"])) for doc in work["documents"]]

    def build() -> None:
        for key, article in articles:
            index.add(key, article, embedder.embed(embedding_texts(article)) if is_dense else None)

    def ask(question: str) -> list[str]:
        vector = embedder.embed([query_text(question)])[0] if is_dense else None
        return [hit.document_id for hit in index.search(question, vector, k=DEPTH)]

    build_seconds = cpu_seconds(build)
    found, times = answers(work, ask)
    passages = sum(len(article.passages) for _, article in articles)
    memory = {"added_mb": resident_mb() - bare, "added_by_load_mb": loaded - bare}
    scale = at_scale(articles, np.random.default_rng(0), is_dense)
    return {"found": found, "times": times, "load_seconds": load_seconds, "build_seconds": build_seconds,
            "passages": passages, **memory, **scale}  # fmt: skip


def at_scale(articles: list[Any], rng: Any, is_dense: bool) -> dict[str, float]:
    """CPU time of a search (without embedding the question) among 20,000 passages of the same kind of text.

    Each copy of a runbook has words of its own in its name, and random vectors, so that nothing is a repeat.
    """
    import numpy as np

    from grace_ray.models.retrieval.chunks import Article
    from grace_ray.models.retrieval.hybrid import HybridIndex

    index, passages, number = HybridIndex(), 0, 0
    start, before = time.process_time(), resident_mb()
    while passages < SCALE_PASSAGES:
        key, article = articles[number % len(articles)]
        vectors = rng.normal(size=(1 + len(article.passages), 384)).astype(np.float32) / 20 if is_dense else None
        copy = Article(title=f"{article.title} Service{number}", passages=article.passages)
        index.add(f"{key}-{number}", copy, vectors)
        passages, number = passages + len(article.passages), number + 1
    build = time.process_time() - start
    vector = rng.normal(size=384).astype(np.float32) / 20 if is_dense else None
    questions = [f"{article.title} {article.passages[0].text[:200]}" for _, article in articles if article.passages]
    index.search(questions[0], vector)  # derives what is kept until the next change
    times = [cpu_seconds(lambda question=question: index.search(question, vector)) for question in questions]
    added = resident_mb() - before
    start = time.process_time()
    again = HybridIndex()
    again.restore(index.state())
    return {
        "scale_passages": passages,
        "scale_build_seconds": build,
        "scale_restore_seconds": time.process_time() - start,
        "scale_p50_ms": percentile(times, 50) * 1e3,
        "scale_p95_ms": percentile(times, 95) * 1e3,
        "scale_added_mb": added,
    }


def run_minilm_alone(work: dict[str, Any]) -> dict[str, Any]:
    """Cosine of the question and each whole runbook: what an embedding store gives by default."""
    sys.path.insert(0, str(ROOT))
    import numpy as np

    bare = resident_mb()
    from grace_ray.adapters.embedding.minilm_package import PackagedMiniLM

    embedder = PackagedMiniLM()
    load_seconds = cpu_seconds(embedder.load)
    keys = [doc["_id"] for doc in work["documents"]]
    start = time.process_time()
    vectors = embedder.embed([f"{doc['title']} {doc['text']}" for doc in work["documents"]])
    build_seconds = time.process_time() - start

    def ask(question: str) -> list[str]:
        order = np.argsort(-(vectors @ embedder.embed([question])[0]), kind="stable")
        return [keys[row] for row in order[:DEPTH]]

    found, times = answers(work, ask)
    return {"found": found, "times": times, "load_seconds": load_seconds, "build_seconds": build_seconds,
            "added_mb": resident_mb() - bare}  # fmt: skip


def run_rank_bm25(work: dict[str, Any]) -> dict[str, Any]:
    """The usual few lines: lower-case words, BM25Okapi with its defaults."""
    import re

    import numpy as np

    bare = resident_mb()
    from rank_bm25 import BM25Okapi

    keys = [doc["_id"] for doc in work["documents"]]
    start = time.process_time()
    index = BM25Okapi([re.findall(r"\w+", f"{doc['title']} {doc['text']}".lower()) for doc in work["documents"]])
    build_seconds = time.process_time() - start

    def ask(question: str) -> list[str]:
        scores = index.get_scores(re.findall(r"\w+", question.lower()))
        return [keys[row] for row in np.argsort(-scores, kind="stable")[:DEPTH]]

    found, times = answers(work, ask)
    return {"found": found, "times": times, "build_seconds": build_seconds, "added_mb": resident_mb() - bare}


def run_bm25s(work: dict[str, Any]) -> dict[str, Any]:
    """As its manual has it: English stop words, Snowball stemmer, defaults."""
    bare = resident_mb()
    import bm25s
    import Stemmer

    keys = [doc["_id"] for doc in work["documents"]]
    stemmer = Stemmer.Stemmer("english")
    options = {"stopwords": "en", "stemmer": stemmer, "show_progress": False}
    index = bm25s.BM25()
    start = time.process_time()
    texts = [f"{doc['title']} {doc['text']}" for doc in work["documents"]]
    index.index(bm25s.tokenize(texts, **options), show_progress=False)
    build_seconds = time.process_time() - start

    def ask(question: str) -> list[str]:
        rows, _ = index.retrieve(bm25s.tokenize([question], **options), k=len(keys), show_progress=False)
        return [keys[row] for row in rows[0][:DEPTH]]

    found, times = answers(work, ask)
    return {"found": found, "times": times, "build_seconds": build_seconds, "added_mb": resident_mb() - bare}


def answers(work: dict[str, Any], ask: Any) -> tuple[dict[str, list[list[str]]], list[float]]:
    """(ranked keys for each form of each question, CPU seconds of each question in its plain form)."""
    ask(work["questions"]["text"][0])
    found: dict[str, list[list[str]]] = {}
    times: list[float] = []
    for form in QUESTIONS:
        found[form] = []
        for question in work["questions"][form]:
            start = time.process_time()
            found[form].append(ask(question))
            if form == "text":
                times.append(time.process_time() - start)
    return found, times


def scored(result: dict[str, Any], right: list[list[str]]) -> dict[str, Any]:
    """Scores in place of what was found."""
    report = {key: value for key, value in result.items() if key not in {"found", "times"}}
    for form, rankings in result["found"].items():
        ranks = [
            next((rank for rank, key in enumerate(keys, 1) if key in wanted), 10**9)
            for keys, wanted in zip(rankings, right, strict=True)
        ]
        report[form] = {
            "first": sum(rank == 1 for rank in ranks) / len(ranks),
            "first_interval": interval([float(rank == 1) for rank in ranks]),
            "of_five": sum(rank <= 5 for rank in ranks) / len(ranks),
            "mrr": sum(1 / rank for rank in ranks) / len(ranks),
        }
    report["query_p50_ms"] = percentile(result["times"], 50) * 1e3
    report["query_p95_ms"] = percentile(result["times"], 95) * 1e3
    return report


def interval(values: list[float], rounds: int = 2_000) -> list[float]:
    """95% bootstrap interval of the mean, seeded."""
    rng = random.Random(0)
    means = sorted(sum(rng.choices(values, k=len(values))) / len(values) for _ in range(rounds))
    return [means[int(rounds * 0.025)], means[int(rounds * 0.975)]]


def percentile(values: list[float], percent: float) -> float:
    """The nearest rank."""
    return sorted(values)[min(len(values) - 1, int(len(values) * percent / 100))]


def cpu_seconds(work: Any) -> float:
    """CPU time of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def resident_mb() -> float:
    """Resident memory of this process, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def print_table(report: dict[str, Any], count: int) -> None:
    """Quality of each side, then cost, then scale."""
    print(f"{count} alerts; share with the right runbook first / among five (95% interval of the first)\n")
    print(f"{'':14}{'text':>32}{'with name':>15}{'with labels':>15}{'MRR':>7}{'first, ratio':>14}")
    own = report["grace"]["text"]["first"]
    for side, values in report.items():
        text, (low, high) = values["text"], values["text"]["first_interval"]
        cells = [f"{values[form]['first']:.3f} / {values[form]['of_five']:.3f}" for form in QUESTIONS]
        cells[0] += f" ({low:.2f} to {high:.2f})"
        ratio = f"{own / text['first']:.2f}x" if text["first"] else "-"
        print(f"{side:14}{cells[0]:>32}{cells[1]:>15}{cells[2]:>15}{text['mrr']:>7.3f}{ratio:>14}")
    print(f"\n{'':14}{'query p50':>12}{'p95, CPU ms':>13}{'load, CPU s':>13}{'index, CPU s':>14}{'added MB':>10}")
    for side, values in report.items():
        costs = (values["query_p50_ms"], values["query_p95_ms"], values.get("load_seconds", 0.0))
        print(f"{side:14}{costs[0]:>12.2f}{costs[1]:>13.2f}{costs[2]:>13.2f}{values['build_seconds']:>14.2f}"
              f"{values['added_mb']:>10.0f}")  # fmt: skip
    heads = f"{'passages':>12}{'p50, CPU ms':>13}{'p95, CPU ms':>13}{'index, CPU s':>14}{'restore, s':>12}{'MB':>6}"
    print(f"\n{'':14}{heads}")
    for side in ("grace", "grace_lexical"):
        values = report[side]
        print(f"{side:14}{values['scale_passages']:>12,}{values['scale_p50_ms']:>13.2f}{values['scale_p95_ms']:>13.2f}"
              f"{values['scale_build_seconds']:>14.1f}{values['scale_restore_seconds']:>12.2f}"
              f"{values['scale_added_mb']:>6.0f}")  # fmt: skip


if __name__ == "__main__":
    main()
