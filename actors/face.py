"""Puts the HTTP face on the cluster, and ends: whoever has imported Ray Serve keeps 80 MB of it, so the node does not.

Reads the cluster's address from standard input, and writes {url} or {error} as a line of JSON to standard output.
"""

import importlib
import json
import os
import sys
from typing import Any

from actors.lifeline import end_with_parent
from grace_ray import settings as settings_module
from grace_ray.core.errors import GraceError, RuntimeFault

_APPLICATION = "serve_apps.deployment"


def main() -> None:
    """Import what takes long, wait for the address, deploy, and end."""
    if not end_with_parent():
        return
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what Ray and libraries print goes to standard error
    try:
        said = {"url": _deployed()}
    except GraceError as error:
        said = {"error": str(error)}
    except Exception as error:  # noqa: BLE001 - whatever keeps the face from starting, a person has to read it
        said = {"error": f"The HTTP face does not start: {type(error).__name__}: {error}"}
    answer.write(json.dumps(said))
    answer.flush()
    os._exit(0)  # no thread of Ray's holds up the end


def _deployed() -> str:
    application: Any = importlib.import_module(_APPLICATION)
    address = sys.stdin.readline().strip()
    if not address:
        raise RuntimeFault("The node ended before there was a cluster.")
    import ray

    ray.init(address=address, namespace="grace", log_to_driver=False, configure_logging=False)
    return str(application.deploy(settings_module.load()))


if __name__ == "__main__":
    main()
