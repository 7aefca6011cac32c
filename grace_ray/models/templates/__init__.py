"""Log-message templates, mined online: which message a line is, with one configuration for all.

`TemplateMiner` learns line by line: `learn_one(line) -> Match`, `predict_one`, `learn_many`, `templates`, `resolve`,
`state` / `restore` / `merge`, and a person's `teach_merge`, `teach_split`, `unteach`. `mask(line)` replaces what is
certainly a variable; `split_header(raw)` takes a raw line's time, level and message apart; `parameters` reads the
variables of a line back.
"""

from grace_ray.models.templates.header import Header, split_header
from grace_ray.models.templates.masks import mask
from grace_ray.models.templates.match import Match
from grace_ray.models.templates.miner import TemplateMiner
from grace_ray.models.templates.teaching import Teaching
from grace_ray.models.templates.template import Template
from grace_ray.models.templates.text import parameters

__all__ = ["Header", "Match", "Teaching", "Template", "TemplateMiner", "mask", "parameters", "split_header"]
