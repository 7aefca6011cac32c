"""Measured values in a terminal: three digits with a unit, shares as percent, and a line of blocks for a series."""

from collections.abc import Sequence

_BLOCKS = "▁▂▃▄▅▆▇█"
_GAP = " "
NOW = "│"


def quantity(value: float | None, unit: str = "") -> str:
    """Return a value to three digits or so, with its unit.

    >>> quantity(453.43, "ms"), quantity(0.4081, "percent"), quantity(12345.0), quantity(None)
    ('453 ms', '0.408%', '12,345', '')
    """
    if value is None:
        return ""
    shown = f"{value:,.0f}" if 100 <= abs(value) < 1e9 else f"{value:.3g}"
    return f"{shown}%" if unit == "percent" else f"{shown} {unit}".rstrip()


def share(value: float | None) -> str:
    """Return a share of 1 as percent; "" for None.

    >>> share(0.982), share(None)
    ('98%', '')
    """
    return "" if value is None else f"{value:.0%}"


def sparkline(past: Sequence[float | None], ahead: Sequence[float | None] = ()) -> str:
    """Return one block a value between the lowest and the highest; what lies ahead comes after a bar. None is a gap.

    >>> sparkline([0.0, 1.0, None, 2.0], [4.0])
    '▁▃ ▅│█'
    """
    seen = [value for value in (*past, *ahead) if value is not None]
    if not seen:
        return ""
    low, span = min(seen), (max(seen) - min(seen)) or 1.0
    steps = len(_BLOCKS) - 1

    def block(value: float | None) -> str:
        return _GAP if value is None else _BLOCKS[int((value - low) / span * steps + 0.5)]

    line = "".join(map(block, past))
    return f"{line}{NOW}{''.join(map(block, ahead))}" if ahead else line
