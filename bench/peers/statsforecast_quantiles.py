"""statsforecast's automatic models on the same windows as Grace; runs in an environment of its own.

Reads {"values": [[...]], "horizon": H, "levels": [...]} from standard input, writes model -> {"quantiles", "seconds"}.
Levels come from the models' own Gaussian intervals, the middle one is their point forecast.
"""

import json
import sys
import time
import warnings
from typing import Any

import numpy as np
from statsforecast.models import AutoARIMA, AutoCES, AutoETS, Theta

warnings.filterwarnings("ignore")


def main() -> None:
    work = json.load(sys.stdin)
    values = [np.array(row) for row in work["values"]]
    makers = {"AutoETS": AutoETS, "AutoCES": AutoCES, "AutoARIMA": AutoARIMA, "Theta": Theta}
    done = {}
    for name, maker in makers.items():
        said(maker, values[0], work)  # compiled by numba on first use: not part of the price
        start = time.process_time()
        quantiles = [said(maker, row, work) for row in values]
        done[name] = {"quantiles": quantiles, "seconds": time.process_time() - start}
    json.dump(done, sys.stdout)


def said(maker: Any, row: np.ndarray, work: dict[str, Any]) -> list[list[float]]:
    """Quantiles (horizon, level) of one window; the last value where the model gives up."""
    bands = [round(100 * abs(1 - 2 * level)) for level in work["levels"]]
    try:
        made = maker().forecast(y=row, h=work["horizon"], level=sorted({band for band in bands if band > 0}))
    except Exception:  # noqa: BLE001 - a peer may fail in any way; its failure must not end the run
        return [[float(row[-1])] * len(bands)] * work["horizon"]
    names = [column(level, band) for level, band in zip(work["levels"], bands, strict=True)]
    quantiles = np.stack([np.asarray(made[name]) for name in names], axis=1)
    return np.where(np.isfinite(quantiles), quantiles, row[-1]).tolist()


def column(level: float, band: int) -> str:
    if band == 0:
        return "mean"
    return f"{'lo' if level < 0.5 else 'hi'}-{band}"


if __name__ == "__main__":
    main()
