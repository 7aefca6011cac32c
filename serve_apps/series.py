"""Which series a caller means: one of the store's, or a metric of the catalog; anything else is 404 with near names."""

from collections.abc import Sequence

from grace_ray.core.errors import NotFound
from grace_ray.core.sample import metric_of
from grace_ray.core.store import Reader
from grace_ray.diagnose.metrics.catalog import Catalog

_PAGE = 5000
_SHOWN_MAX = 200


def known_series(reader: Reader, catalog: Catalog, names: Sequence[str]) -> list[str]:
    """Return the keys of the series that ``names`` mean; of none at all, every metric of the catalog.

    A metric stands for its series without labels, or for all of its series where it has only such with labels.
    Raises NotFound (``metric``), naming the nearest.
    """
    names = names or [metric.id for metric in catalog.metrics]
    found: list[str] = []
    for name in names:
        found += _meant(reader, catalog, name)
    return list(dict.fromkeys(found))


def _meant(reader: Reader, catalog: Catalog, name: str) -> list[str]:
    metric = name.partition("{")[0]
    keys = _keys(reader, metric)
    if name in keys:
        return [name]
    if name == metric and keys:
        return keys
    if catalog.get(name) is not None:
        return [name]
    near = catalog.nearest(name if keys else metric, keys or _metrics(reader))
    meant = f" Did you mean {', '.join(near)}?" if near else ""
    raise NotFound(f"There is no metric {name[:_SHOWN_MAX]!r}.{meant}", "metric")


def _keys(reader: Reader, metric: str = "") -> list[str]:
    """Return the keys of all series of a metric, or of all metrics."""
    keys: list[str] = []
    while page := reader.series(metric, after=keys[-1] if keys else "", limit=_PAGE):
        keys += [series.key for series in page]
        if len(page) < _PAGE:
            break
    return keys


def _metrics(reader: Reader) -> list[str]:
    return list(dict.fromkeys(map(metric_of, _keys(reader))))
