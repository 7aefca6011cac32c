"""Choosing among candidates, learning from what came of it, and judging other policies from the log.

`Policy` chooses and learns; `Candidate`, `Context` go in, `Choice`, `Option` and `Explanation` come out.
"""

from grace_ray.models.choose.choice import Candidate, Choice, Context, Explanation, Option
from grace_ray.models.choose.policy import Policy, PolicySettings

__all__ = ["Candidate", "Choice", "Context", "Explanation", "Option", "Policy", "PolicySettings"]
