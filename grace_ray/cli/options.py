"""Options that the data commands share."""

from pathlib import Path
from typing import Annotated

import typer

Home = Annotated[Path | None, typer.Option(envvar="GRACE_HOME", help="Where Grace keeps its data")]
Url = Annotated[str | None, typer.Option(envvar="GRACE_URL", help="A Grace elsewhere, instead of this home's")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many at most")]
After = Annotated[str | None, typer.Option(help="Go on after: the `next` of the page before")]
By = Annotated[str | None, typer.Option(help="Who says so")]
Note = Annotated[str, typer.Option(help="Why")]
WaitS = Annotated[float, typer.Option("--wait-s", min=0, help="How long to wait for a Grace that goes away")]
