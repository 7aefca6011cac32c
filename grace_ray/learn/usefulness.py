"""How useful a piece of knowledge is: a Beta posterior over "it helps", from what happened next and from people's word.

Evidence is counted in trials. A person's thumb is one trial; a cluster that stayed quiet, or came back, after the
knowledge was applied is half of one, because trouble also goes away, and comes back, by itself.
"""

from dataclasses import dataclass

OUTCOME_TRIALS = 0.5
VOTE_TRIALS = 1.0
_PRIOR = 1.0  # Beta(1, 1): every chance is as likely as any other before there is evidence
_CONFIDENCE_PULL = 0.10
_USEFULNESS_PULL = 0.20


@dataclass(frozen=True, slots=True)
class Evidence:
    """Trials for and against, both at least 0."""

    helped: float = 0.0
    hurt: float = 0.0

    def __add__(self, other: "Evidence") -> "Evidence":
        return Evidence(self.helped + other.helped, self.hurt + other.hurt)

    def or_stronger(self, other: "Evidence") -> "Evidence":
        """Return the stronger of both on either side: for evidence that comes from the same trials."""
        return Evidence(max(self.helped, other.helped), max(self.hurt, other.hurt))

    @property
    def usefulness(self) -> float | None:
        """The posterior mean of the chance that it helps, in 0..1; None without evidence.

        >>> Evidence(3, 0).usefulness, Evidence().usefulness
        (0.8, None)
        """
        trials = self.helped + self.hurt
        return (_PRIOR + self.helped) / (2 * _PRIOR + trials) if trials else None

    @property
    def sentence(self) -> str:
        """The evidence in words."""
        if self.usefulness is None:
            return "Whether it helps is not known yet."
        trials = self.helped + self.hurt
        return f"It helped in {self.helped:g} of {trials:g} trials: usefulness {self.usefulness:.2f}."


def trial(has_helped: bool, trials: float) -> Evidence:
    """Return the evidence of ``trials`` trials that all went one way."""
    return Evidence(trials, 0.0) if has_helped else Evidence(0.0, trials)


def weighed(score: float, confidence: float, usefulness: float | None) -> float:
    """Return a relevance ``score`` pulled gently by what is known of the passage: at most 20% down or 10% up.

    Relevance stays in charge: what was of little use is ranked a little lower, never hidden.

    >>> weighed(1.0, 1.0, None), round(weighed(1.0, 1.0, 0.9), 2), round(weighed(1.0, 0.5, 0.1), 2)
    (1.0, 1.08, 0.87)
    """
    opinion = 0.5 if usefulness is None else usefulness
    return score * (1 + _CONFIDENCE_PULL * (confidence - 1) + _USEFULNESS_PULL * (opinion - 0.5))
