"""What a policy promises to those who choose by it."""

import math

import numpy as np
import pytest

from grace_ray.core.errors import Conflict, InvalidInput, NewerVersion, NotFound
from grace_ray.models.choose import Candidate, Choice, Context, Policy, PolicySettings

CANDIDATES = tuple(Candidate(id=name) for name in ("restart", "scale", "shed"))
WORTH = {"restart": 0.2, "scale": 0.7, "shed": 0.4}
HERE = Context(cell="checkout|oom")


def choose(policy: Policy, number: int, rng: np.random.Generator, context: Context = HERE) -> Choice:
    return policy.choose("playbook", context, CANDIDATES, rng, now_s=60.0 * number, choice_id=f"{policy.site}-{number}")


def lived(site: str, steps: int, seed: int, context: Context = HERE) -> Policy:
    policy, rng = Policy(site=site), np.random.default_rng(seed)
    for number in range(steps):
        choice = choose(policy, number, rng, context)
        policy.learn_one(choice.choice_id, WORTH[choice.candidate] + rng.normal(0.0, 0.1), now_s=60.0 * number)
    return policy


def ranking(policy: Policy, context: Context = HERE) -> np.ndarray:
    options = policy.recommend("playbook", context, CANDIDATES)
    return np.array([[o.expected_reward, o.uncertainty, o.samples] for o in sorted(options, key=lambda o: o.candidate)])


def test_what_has_worked_is_ranked_first_and_chosen_more_surely():
    policy = lived("a", 60, 1)
    first = policy.recommend("playbook", HERE, CANDIDATES)[0]
    assert first.candidate == "scale"
    assert first.probability > 0.9
    assert first.expected_reward == pytest.approx(0.7, abs=0.1)


def test_every_candidate_has_its_probability_and_they_add_up_to_one():
    policy, rng = lived("a", 20, 1), np.random.default_rng(0)
    choice = choose(policy, 99, rng)
    assert set(choice.probabilities) == {"restart", "scale", "shed"}
    assert sum(choice.probabilities.values()) == pytest.approx(1.0, abs=1e-12)
    assert min(choice.probabilities.values()) >= policy.settings.floor / 3 - 1e-12
    assert choice.propensity == choice.probabilities[choice.candidate]


def test_the_probabilities_are_those_with_which_is_drawn():
    policy, rng = lived("a", 6, 2), np.random.default_rng(0)
    drawn = [choose(policy, number, rng) for number in range(100, 4100)]
    share = sum(choice.candidate == "scale" for choice in drawn) / len(drawn)
    expected = drawn[0].probabilities["scale"]
    assert abs(share - expected) < 4 * math.sqrt(expected * (1 - expected) / len(drawn))


def test_the_same_seed_makes_the_same_choices():
    first, second = lived("a", 40, 3), lived("a", 40, 3)
    assert first.state() == second.state()


def test_the_same_choice_asked_twice_is_the_same_choice():
    policy, rng = Policy(), np.random.default_rng(0)
    assert choose(policy, 1, rng) is choose(policy, 1, rng)


def test_a_reward_that_comes_twice_counts_once():
    policy, rng = Policy(), np.random.default_rng(0)
    choice = choose(policy, 1, rng)
    policy.learn_one(choice.choice_id, 0.5, now_s=1.0)
    once = ranking(policy)
    policy.learn_one(choice.choice_id, 0.5, now_s=2.0)
    np.testing.assert_array_equal(ranking(policy), once)


def test_parts_of_a_reward_add_up_and_come_in_any_order():
    whole, parts = lived("a", 5, 1), lived("a", 5, 1)
    for policy in (whole, parts):
        choose(policy, 9, np.random.default_rng(0))
    whole.learn_one("a-9", 0.75, now_s=600.0)
    parts.learn_one("a-9", 0.5, now_s=600.0, part="kpi")
    parts.learn_one("a-9", 0.25, now_s=900.0, part="trust")
    np.testing.assert_allclose(ranking(parts), ranking(whole), atol=1e-12)
    assert parts.explain("a-9").reward == 0.75


def test_a_reward_taken_back_leaves_nothing_behind():
    policy = lived("a", 8, 1)
    before = ranking(policy)
    choose(policy, 9, np.random.default_rng(0))
    policy.learn_one("a-9", -1.0, now_s=700.0)
    assert not np.allclose(ranking(policy), before)
    policy.learn_one("a-9", None, now_s=800.0)
    np.testing.assert_allclose(ranking(policy), before, atol=1e-5)  # time has passed: 60 s of 90 days


def test_a_reward_for_a_choice_nobody_made_is_refused():
    with pytest.raises(NotFound, match="never"):
        Policy().learn_one("never", 1.0, now_s=0.0)


@pytest.mark.parametrize("reward", [math.nan, math.inf, -math.inf])
def test_a_reward_that_is_not_a_number_is_refused_and_changes_nothing(reward: float):
    policy = lived("a", 5, 1)
    before = policy.state()
    with pytest.raises(InvalidInput) as refused:
        policy.learn_one("a-3", reward, now_s=1.0)
    assert refused.value.field == "reward"
    assert policy.state() == before


def test_features_that_are_not_numbers_or_not_as_many_as_before_are_refused():
    policy, rng = Policy(), np.random.default_rng(0)
    with pytest.raises(InvalidInput, match="finite"):
        choose(policy, 1, rng, Context(features=(math.nan,)))
    policy.learn_one(choose(policy, 2, rng, Context(features=(1.0, 2.0))).choice_id, 1.0, now_s=0.0)
    with pytest.raises(InvalidInput, match="features"):
        choose(policy, 3, rng, Context(features=(1.0,)))


def test_the_moving_average_gives_the_newest_reward_its_weight():
    policy, rng = Policy(), np.random.default_rng(0)
    only = (CANDIDATES[0],)
    for number, reward in enumerate((0.0, 1.0, 0.5)):
        policy.choose("playbook", HERE, only, rng, now_s=0.0, choice_id=str(number))
        policy.learn_one(str(number), reward, now_s=0.0)
    option = policy.recommend("playbook", HERE, only)[0]
    assert option.moving_average == pytest.approx(0.7 * (0.3 * 1.0) + 0.3 * 0.5)
    assert option.samples == 3


def test_what_was_learned_elsewhere_counts_where_nothing_is_known_yet():
    policy = lived("a", 80, 1)
    elsewhere = policy.recommend("playbook", Context(cell="cart|latency"), CANDIDATES)
    assert elsewhere[0].candidate == "scale"
    assert elsewhere[0].samples == 0
    assert "not been rewarded in this kind of situation" in elsewhere[0].reasons[0]
    assert elsewhere[0].uncertainty > policy.recommend("playbook", HERE, CANDIDATES)[0].uncertainty


def test_after_a_half_life_a_reward_counts_half():
    policy, rng = Policy(settings=PolicySettings(half_life_s=100.0)), np.random.default_rng(0)
    only = (CANDIDATES[0],)
    for number, (now_s, reward) in enumerate(((0.0, 0.0), (100.0, 1.0))):
        policy.choose("p", HERE, only, rng, now_s=now_s, choice_id=str(number))
        policy.learn_one(str(number), reward, now_s=now_s)
    option = policy.recommend("p", HERE, only)[0]
    assert 0.5 < option.expected_reward < 0.75


def test_a_restored_policy_gives_the_same_answers_and_goes_on_the_same_way():
    policy, again = lived("a", 30, 1), Policy()
    policy.merge(lived("b", 30, 2))
    again.restore(policy.state())
    np.testing.assert_array_equal(ranking(again), ranking(policy))
    assert again.explain("a-7").choice.probabilities == policy.explain("a-7").choice.probabilities
    for one in (policy, again):
        one.learn_one("a-7", 0.9, now_s=2000.0)
    np.testing.assert_array_equal(ranking(again), ranking(policy))
    assert again.state() == policy.state()


def test_bytes_that_are_no_state_are_refused():
    state = lived("a", 5, 1).state()
    for broken in (b"", b"nonsense", state[:20], state[:4] + b"\x01\x00" + state[30:]):
        with pytest.raises(InvalidInput):
            Policy().restore(broken)
    with pytest.raises(NewerVersion):
        Policy().restore(state[:4] + b"\x63\x00" + state[6:])


def test_in_a_state_of_version_1_a_point_with_features_starts_anew_and_the_others_go_on():
    policy, rng = lived("a", 30, 1), np.random.default_rng(3)
    priced = tuple(Candidate(id=name, features=(price,)) for name, price in (("cheap", 1.0), ("dear", 9.0)))
    for number in range(20):
        choice = policy.choose("model", HERE, priced, rng, now_s=1800.0 + number, choice_id=f"priced {number}")
        policy.learn_one(choice.choice_id, float(choice.index), now_s=1800.0 + number)
    state, again = policy.state(), Policy()
    again.restore(state[:4] + b"\x01\x00" + state[6:])
    np.testing.assert_array_equal(ranking(again), ranking(policy))
    assert {option.samples for option in again.recommend("model", HERE, priced)} == {0}
    with pytest.raises(NotFound):
        again.learn_one("priced 3", 1.0, now_s=2000.0)
    again.choose("model", HERE, priced, rng, now_s=2000.0, choice_id="priced 3")
    again.learn_one("priced 3", 1.0, now_s=2000.0)
    assert sum(option.samples for option in again.recommend("model", HERE, priced)) == 1


def test_sites_add_up_in_any_order_and_each_counts_once():
    sites = [lived(name, 30, seed) for seed, name in enumerate("abc")]
    there, back = Policy(site="hub"), Policy(site="other hub")
    for site in sites:
        there.merge(site)
    for site in [*reversed(sites), *sites, there]:
        back.merge(site)
    np.testing.assert_allclose(ranking(there), ranking(back), atol=1e-12)
    assert ranking(there)[:, 2].sum() == 90


def test_an_older_state_of_a_site_that_arrives_late_changes_nothing():
    site = lived("a", 30, 1)
    older = Policy()
    older.restore(site.state())
    choose(site, 31, np.random.default_rng(0))
    site.learn_one("a-31", 0.9, now_s=2000.0)
    hub = Policy(site="hub")
    hub.merge(site)
    before = ranking(hub)
    hub.merge(older)
    np.testing.assert_array_equal(ranking(hub), before)


def test_policies_without_a_name_do_not_merge_by_mistake():
    with pytest.raises(Conflict, match="name"):
        lived("", 3, 1).merge(lived("", 3, 2))


def test_a_forgotten_candidate_is_as_new():
    policy = lived("a", 40, 1)
    policy.forget(candidate="scale")
    scale = next(o for o in policy.recommend("playbook", HERE, CANDIDATES) if o.candidate == "scale")
    assert scale.samples == 0
    assert "never been rewarded" in scale.reasons[0]


def test_a_forgotten_subject_leaves_no_trace():
    others, policy = lived("a", 30, 1), lived("a", 30, 1)
    rng = np.random.default_rng(0)
    for number in range(50, 60):
        choice = choose(policy, number, rng, Context(cell="checkout|oom", subject="ann"))
        policy.learn_one(choice.choice_id, -1.0, now_s=60.0 * 29)
    policy.forget(subject="ann")
    np.testing.assert_allclose(ranking(policy), ranking(others), atol=1e-4)
    with pytest.raises(NotFound):
        policy.explain("a-55")


def test_a_forgotten_point_is_as_new():
    policy = lived("a", 30, 1)
    policy.forget(point="playbook")
    assert ranking(policy)[:, 2].sum() == 0


def test_remembered_choices_are_bounded():
    policy, rng = Policy(settings=PolicySettings(max_choices=10)), np.random.default_rng(0)
    for number in range(25):
        choose(policy, number, rng)
    policy.learn_one("-24", 1.0, now_s=0.0)
    with pytest.raises(NotFound):
        policy.learn_one("-14", 1.0, now_s=0.0)


def test_a_corrected_reward_corrects_the_moving_average_as_if_it_had_always_been():
    averages = []
    for first in (0.2, 0.9):
        policy, rng = Policy(), np.random.default_rng(0)
        for number, reward in enumerate((0.5, first, 1.0, 0.0)):
            policy.choose("p", HERE, CANDIDATES[:1], rng, now_s=0.0, choice_id=str(number))
            policy.learn_one(str(number), reward, now_s=0.0)
        policy.learn_one("1", 0.9, now_s=1.0)
        averages.append(policy.recommend("p", HERE, CANDIDATES[:1])[0].moving_average)
    assert averages[0] == pytest.approx(averages[1], abs=1e-12)


def test_a_withdrawn_reward_leaves_the_moving_average_as_if_it_had_never_been():
    averages = []
    for rewards in ((0.5, 1.0, 0.0), (0.5, 0.7, 1.0, 0.0)):
        policy, rng = Policy(), np.random.default_rng(0)
        for number, reward in enumerate(rewards):
            policy.choose("p", HERE, CANDIDATES[:1], rng, now_s=0.0, choice_id=str(number))
            policy.learn_one(str(number), reward, now_s=0.0)
        if len(rewards) == 4:
            policy.learn_one("1", None, now_s=1.0)
        averages.append(policy.recommend("p", HERE, CANDIDATES[:1])[0].moving_average)
    assert averages[0] == pytest.approx(averages[1], abs=1e-12)


def test_memory_is_bounded_however_many_cells_and_candidates_there_are(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("grace_ray.models.choose.statistics.MAX_ENTRIES", 700)
    policy, rng = Policy(settings=PolicySettings(max_choices=50)), np.random.default_rng(0)
    sizes = []
    for number in range(600):
        offered = [Candidate(id=f"c{number % 40}"), Candidate(id=f"c{number % 39}x")]
        context = Context(cell=f"cell {number}")
        choice = policy.choose("p", context, offered, rng, now_s=number, choice_id=str(number))
        policy.learn_one(choice.choice_id, 0.5, now_s=number)
        sizes.append(len(policy.state()) if number % 100 == 99 else 0)
    assert sizes[-1] < 1.2 * sizes[299]
    assert policy.recommend("p", Context(cell="cell 99999"), [Candidate(id="new")])[0].samples > 0  # with all others


def test_features_may_be_of_any_scale():
    """The same numbers in other units lead to the same choices."""
    chosen = []
    for scale, shift in ((1.0, 0.0), (1000.0, 5e4)):
        policy, rng, world = Policy(), np.random.default_rng(0), np.random.default_rng(1)
        picks = []
        for number in range(150):
            x = float(world.normal())
            context = Context(features=(shift + scale * x,))
            choice = policy.choose("p", context, CANDIDATES[:2], rng, now_s=0.0, choice_id=str(number))
            policy.learn_one(choice.choice_id, float((x > 0) == (choice.candidate == "scale")), now_s=0.0)
            picks.append(choice.candidate == ("scale" if x > 0 else "restart"))
        chosen.append(picks)
    assert np.mean(chosen[0][50:]) > 0.9
    assert np.mean(np.equal(*chosen)) > 0.95


def test_a_candidate_that_is_new_is_judged_by_its_features():
    policy, rng, world = Policy(), np.random.default_rng(0), np.random.default_rng(1)
    for number in range(200):
        offered = [Candidate(id=name, features=(float(world.uniform(0, 100)),)) for name in "abcd"]
        choice = policy.choose("p", HERE, offered, rng, now_s=0.0, choice_id=str(number))
        price = choice.candidates[choice.index].features[0]
        policy.learn_one(choice.choice_id, 1.0 - price / 100 + world.normal(0, 0.05), now_s=0.0)
    cheap, dear = Candidate(id="new and cheap", features=(10.0,)), Candidate(id="new and dear", features=(90.0,))
    ranked = policy.recommend("p", HERE, [dear, cheap])
    assert ranked[0].candidate == "new and cheap"
    assert ranked[0].expected_reward - ranked[1].expected_reward > 0.4


def test_a_hundred_sites_that_add_up_are_one_that_saw_all():
    everything, sites = Policy(site="all"), [Policy(site=f"site {n}") for n in range(100)]
    world, rng = np.random.default_rng(3), np.random.default_rng(0)
    for step in range(1500):
        only, context = [CANDIDATES[world.integers(3)]], Context(cell=str(world.integers(4)))
        reward = float(world.normal())
        for policy in (everything, sites[step % 100]):
            policy.choose("playbook", context, only, rng, now_s=3600.0 * step, choice_id=str(step))
            policy.learn_one(str(step), reward, now_s=3600.0 * step)
    hub = Policy(site="hub")
    for site in sites:
        hub.merge(site)
    for cell in range(4):
        np.testing.assert_allclose(
            ranking(hub, Context(cell=str(cell))), ranking(everything, Context(cell=str(cell))), atol=1e-9
        )


def test_choosing_and_learning_in_batches_is_the_same_as_one_by_one():
    one, many = lived("a", 30, 1), lived("a", 30, 1)
    contexts = [Context(cell=f"cell {number % 3}") for number in range(20)]
    ids = [f"later {number}" for number in range(20)]
    rng = np.random.default_rng(5)
    first = [
        one.choose("playbook", c, CANDIDATES, rng, now_s=2e3, choice_id=i) for c, i in zip(contexts, ids, strict=True)
    ]
    second = many.choose_many("playbook", contexts, CANDIDATES, np.random.default_rng(5), now_s=2e3, choice_ids=ids)
    assert [c.candidate for c in first] == [c.candidate for c in second]
    for choice_id in ids:
        one.learn_one(choice_id, 0.4, now_s=3e3)
    many.learn_many([(choice_id, 0.4) for choice_id in ids], now_s=3e3)
    assert one.state() == many.state()


def test_looking_at_a_recommendation_changes_nothing():
    policy = lived("a", 20, 1)
    before = policy.state()
    policy.recommend("playbook", Context(cell="elsewhere", features=(1.0, 2.0)), [Candidate(id="x")])
    policy.recommend("another point", HERE, CANDIDATES)
    assert policy.state() == before


def test_numbers_beyond_reason_are_refused_and_large_ones_leave_only_finite_answers():
    policy, rng = Policy(), np.random.default_rng(0)
    for context, now_s, field in ((Context(features=(1e300,)), 0.0, "features"), (HERE, 1e300, "now_s")):
        with pytest.raises(InvalidInput) as refused:
            policy.choose("p", context, CANDIDATES, rng, now_s=now_s, choice_id="x")
        assert refused.value.field == field
    for number, size in enumerate((1e99, -1e99, 1e-99, 0.0, 1e50)):
        policy.choose("q", Context(features=(size,)), CANDIDATES, rng, now_s=0.0, choice_id=str(number))
        with pytest.raises(InvalidInput):
            policy.learn_one(str(number), 1e300, now_s=0.0)
        policy.learn_one(str(number), 1e6, now_s=0.0)
    for option in policy.recommend("q", Context(features=(1e98,)), CANDIDATES):
        assert math.isfinite(option.expected_reward)
        assert math.isfinite(option.uncertainty)
        assert 0 <= option.probability <= 1


def test_a_clock_that_jumps_back_and_long_silences_do_no_harm():
    policy, rng = lived("a", 20, 1), np.random.default_rng(0)
    before = ranking(policy)
    for number, now_s in enumerate((3e9, -5.0, 1e10)):
        choice = policy.choose("playbook", HERE, CANDIDATES, rng, now_s=now_s, choice_id=f"jump {number}")
        policy.learn_one(choice.choice_id, 0.5, now_s=now_s)
        assert np.isfinite(ranking(policy)).all()
    assert ranking(policy)[:, 1].min() > 1.5 * before[:, 1].min()  # what is 300 years old is as good as forgotten


def test_what_is_kept_up_between_solutions_follows_the_passing_of_time():
    """Over hundreds of half-lives, what a choice expects stays what a fresh solution of the same sums expects."""
    policy, rng = Policy(settings=PolicySettings(half_life_s=100.0)), np.random.default_rng(0)
    for number in range(400):
        choice = policy.choose("p", HERE, CANDIDATES, rng, now_s=30.0 * number, choice_id=str(number))
        policy.learn_one(choice.choice_id, WORTH[choice.candidate] + rng.normal(0.0, 0.05), now_s=30.0 * number)
        if number % 20 == 19:
            now = policy.choose("p", HERE, CANDIDATES, rng, now_s=30.0 * number, choice_id=f"now {number}")
            fresh = policy.outlook("p", HERE, CANDIDATES)
            np.testing.assert_allclose(now.outlook.expected, fresh.expected, atol=0.1)
    assert fresh.expected[1] == pytest.approx(0.7, abs=0.1)


def test_a_good_candidate_is_not_given_up_for_one_bad_reward_among_many_bad_ones():
    rng, found = np.random.default_rng(21), 0
    for _ in range(12):
        policy, candidates = Policy(), tuple(Candidate(id=f"candidate {n}") for n in range(20))
        good = int(rng.integers(20))
        for step in range(600):
            name = str(step)
            choice = policy.choose("p", Context(), candidates, rng, now_s=float(step), choice_id=name)
            is_first = choice.index == good and not choice.outlook.overall[good]
            chance = (0.0 if is_first else 0.7) if choice.index == good else 0.05
            policy.learn_one(name, float(rng.random() < chance), now_s=float(step))
        found += policy.recommend("p", Context(), candidates)[0].candidate == candidates[good].id
    assert found >= 11


def test_a_price_counts_beside_those_of_the_others_offered():
    policy, rng = Policy(), np.random.default_rng(5)
    for step in range(400):
        season = 100.0 * rng.normal()  # moves all prices alike, and means nothing
        candidates = [Candidate(id=name, features=(season + rng.normal(),)) for name in "abc"]
        choice = policy.choose("p", Context(), candidates, rng, now_s=float(step), choice_id=str(step))
        cheapest = min(candidates, key=lambda one: one.features).id
        policy.learn_one(str(step), float(choice.candidate == cheapest), now_s=float(step))
    right = 0
    for _ in range(50):
        season = 100.0 * rng.normal()
        candidates = [Candidate(id=name, features=(season + rng.normal(),)) for name in "abc"]
        best = policy.recommend("p", Context(), candidates)[0].candidate
        right += best == min(candidates, key=lambda one: one.features).id
    assert right >= 42
