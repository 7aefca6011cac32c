"""Terms: identifiers, prose and addresses meet in the same words."""

from grace_ray.models.retrieval.analysis import compounds, name_key, split_name, terms, word_terms


def test_an_identifier_meets_its_own_words_in_prose():
    assert {"pod", "crash", "loop"} <= set(terms("KubePodCrashLooping")) & set(terms("the pods are crash looping"))


def test_an_identifier_meets_the_lower_case_spelling_of_its_neighbours():
    assert set(terms("crashlooping")) <= set(terms("KubePodCrashLooping"))
    assert set(terms("filesystem")) <= set(compounds("the file system is full"))


def test_snake_kebab_and_dotted_names_are_taken_apart():
    for name in ("node_filesystem_avail", "node-filesystem-avail", "node.filesystem.avail"):
        assert {"node", "filesystem", "avail"} <= set(terms(name))


def test_plural_acronyms_and_acronym_runs_are_single_words():
    assert split_name("etcdGRPCRequestsSlow") == "etcd GRPC Requests Slow"
    assert split_name("APIs") == "APIs"


def test_a_runbook_address_says_the_name_it_points_at():
    assert terms("https://example.org/runbooks/node/NodeRAIDDegraded.md?x=1#impact") == terms("NodeRAIDDegraded")


def test_words_that_turn_a_meaning_are_kept():
    assert "not" in terms("node is not ready")
    assert terms("to any Alertmanager") != terms("to some Alertmanagers")


def test_failing_failed_and_failure_are_one_word():
    assert terms("failing") == terms("failed") == terms("failures")


def test_placeholders_and_endless_tokens_leave_no_term():
    assert terms("X/X at a x") == []
    assert word_terms("a" * 5_000) == ()


def test_two_spellings_of_a_name_have_one_key():
    assert name_key("Kube Pod-Crash_Looping") == name_key("KubePodCrashLooping")


def test_other_scripts_are_words_too():
    assert terms("Ошибка диска") == ["ошибка", "диска"]
