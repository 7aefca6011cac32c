"""What is asked: prose in full, labels a little."""

from grace_ray.models.retrieval.question import LABEL_WEIGHT, Question


def test_labels_say_where_and_prose_says_what():
    question = Question.parse('Clock skew detected. job="node-exporter" pod=prometheus-k8s-0, severity=warning')
    assert question.prose == "Clock skew detected."
    weights = question.terms()
    assert weights["clock"] == 1.0
    assert weights["prometheus"] == LABEL_WEIGHT


def test_a_label_that_names_the_alert_or_holds_a_message_is_prose():
    question = Question.parse('level=error alertname=NodeDown msg="disk is full" note="two words"')
    assert question.prose == "NodeDown disk is full two words"


def test_labels_alone_are_all_there_is_to_go_by():
    assert Question.parse("pod=web-7f9").prose == "pod=web-7f9"


def test_an_equals_sign_within_a_word_is_no_label():
    assert Question.parse("query up==0 and a-b=c/d failed").prose.endswith("failed")
    assert Question.parse("see https://example.org/?a=b now").prose == "see https://example.org/?a=b now"


def test_repeats_count_but_less_and_less():
    weights = Question.parse("disk disk disk node").terms()
    assert weights["node"] < weights["disk"] < 3 * weights["node"]
