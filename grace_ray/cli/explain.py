"""grace explain: why something is as it is."""

from typing import Annotated

import typer

from grace_ray.cli.connection import connect
from grace_ray.cli.options import Home, Json, Url
from grace_ray.cli.printing import print_json, say


def explain(
    id: Annotated[str, typer.Argument(help="Of an event, cluster, mission, group or statement")],  # noqa: A002
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Say why an event, cluster, mission or statement is as it is."""
    answer = connect(home, url).explain(id)
    if as_json:
        print_json(answer)
        return
    for sentence in answer["answer"]:
        say(sentence)
    for fact in answer["facts"]:
        say(f"  {fact['seq']:>8}  {fact['at'][:19]}  {fact['type']}  {fact.get('why', '')}".rstrip())
