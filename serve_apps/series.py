"""Which series a caller means: one of the store's, or a metric of the catalog; anything else is 404 with near names."""

from collections.abc import Sequence

from grace_ray.core.errors import NotFound
from grace_ray.core.sample import metric_of
from grace_ray.core.store import Reader, series_keys
from grace_ray.diagnose.metrics.catalog import Catalog

_SHOWN_MAX = 200


def known_series(reader: Reader, catalog: Catalog, names: Sequence[str]) -> list[str]:
    """Return the keys of the series that ``names`` mean; of none at all, every metric of the catalog.

    A metric stands for its series without labels, or for all of its series where it has only such with labels.
    Raises NotFound (``metric``), naming the nearest.
    """
    names = names or [metric.id for metric in catalog.metrics]
    keys = {metric: list(series_keys(reader, metric)) for metric in dict.fromkeys(map(metric_of, names))}
    found = [key for name in names for key in _meant(reader, catalog, name, keys[metric_of(name)])]
    return list(dict.fromkeys(found))


def _meant(reader: Reader, catalog: Catalog, name: str, keys: Sequence[str]) -> Sequence[str]:
    """Return the keys that a name means, of all ``keys`` of its metric."""
    metric = metric_of(name)
    if name in keys:
        return [name]
    if name == metric and keys:
        return keys
    if catalog.get(name) is not None:
        return [name]
    near = catalog.nearest(name if keys else metric, keys or dict.fromkeys(map(metric_of, series_keys(reader))))
    meant = f" Did you mean {', '.join(near)}?" if near else ""
    raise NotFound(f"There is no metric {name[:_SHOWN_MAX]!r}.{meant}", "metric")
