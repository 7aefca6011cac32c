"""Metrics: the catalog, and the part that sums points up to snapshots, judges their bands and finds anomalies."""
