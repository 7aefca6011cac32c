"""The peer's side of grouping.py, run by a Python that has drain3: logs in on stdin, groups out on stdout.

One configuration for every log: drain3's defaults (depth 4, similarity 0.4) and the masks of its example configuration.
"""

import json
import sys
import time

from drain3 import TemplateMiner
from drain3.masking import MaskingInstruction
from drain3.template_miner_config import TemplateMinerConfig

_OTHER_NUMBERS = str.maketrans("123456789", "234567891")
_EDGES = ("((?<=[^A-Za-z0-9])|^)", "((?=[^A-Za-z0-9])|$)")
_MASKS = (
    ("(([0-9a-f]{2,}:){3,}([0-9a-f]{2,}))", "ID"),
    (r"(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})", "IP"),
    ("([0-9a-f]{6,} ?){3,}", "SEQ"),
    ("([0-9A-F]{4} ?){4,}", "SEQ"),
    ("(0x[a-f0-9A-F]+)", "HEX"),
    (r"([\-\+]?\d+)", "NUM"),
)


def mined(lines: list[str]) -> dict[str, object]:
    """The group and template of each line after the whole log, and the CPU seconds it took to learn it."""
    config = TemplateMinerConfig()
    config.masking_instructions = [MaskingInstruction(_EDGES[0] + body + _EDGES[1], name) for body, name in _MASKS]
    miner = TemplateMiner(config=config)
    start = time.process_time()
    groups = [miner.add_log_message(line)["cluster_id"] for line in lines]
    seconds = time.process_time() - start
    texts = {str(cluster.cluster_id): cluster.get_template() for cluster in miner.drain.clusters}
    again = [line.translate(_OTHER_NUMBERS) for line in lines]
    start = time.process_time()
    for line in again:
        miner.add_log_message(line)
    steady = time.process_time() - start
    return {"groups": [str(group) for group in groups], "texts": texts, "seconds": seconds, "steady_seconds": steady}


if __name__ == "__main__":
    json.dump({name: mined(lines) for name, lines in json.load(sys.stdin).items()}, sys.stdout)
