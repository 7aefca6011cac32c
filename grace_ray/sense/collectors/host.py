"""The host's own readings: CPU, memory, disks, load and open files; a limit passed twice running is degradation."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from grace_ray.core.event import Event
from grace_ray.core.ids import derived_id
from grace_ray.settings import SensorSettings

SOURCE = "grace/sensors"
_MARGIN = 0.05  # a resource recovers only this far below its limit, so that it does not flap
_PATIENCE = 2  # readings beyond the limit, one after the other, before it is said
_VERY_FULL = 0.98
_FILES_HIGH = 0.90
_VIRTUAL = frozenset({"squashfs", "overlay", "tmpfs", "devtmpfs", "iso9660", "autofs", ""})


@dataclass(frozen=True, slots=True, kw_only=True)
class HostReading:
    """One reading; ``cpu``, ``memory``, ``disks`` (by mount point) and ``files`` are shares in 0..1, load per core."""

    cpu: float
    memory: float
    disks: Mapping[str, float]
    load_per_core: float
    files: float
    swap: float = 0.0
    details: Mapping[str, Any] = field(default_factory=dict)


class HostCollector:
    """Turns readings into events: ``host.observed`` each time, degradation and recovery of a resource once each."""

    def __init__(self, settings: SensorSettings, host: str, read: Callable[[], HostReading]) -> None:
        self._settings = settings
        self._host = host
        self._read = read
        self._beyond: dict[str, int] = {}
        self._degraded: dict[str, float] = {}

    def collect(self, now: datetime) -> list[Event]:
        """Return what the reading of this moment (aware UTC) has to say."""
        reading = self._read()
        events = [self._observed(reading, now)]
        for resource, value, limit in self._resources(reading):
            events += self._judge(resource, value, limit, now)
        return events

    def _resources(self, reading: HostReading) -> list[tuple[str, float, float]]:
        settings = self._settings
        return [
            ("cpu", reading.cpu, settings.cpu_high),
            ("memory", reading.memory, settings.memory_high),
            ("open files", reading.files, _FILES_HIGH),
            *((f"disk {mount}", share, settings.disk_high) for mount, share in sorted(reading.disks.items())),
        ]

    def _judge(self, resource: str, value: float, limit: float, now: datetime) -> list[Event]:
        self._beyond[resource] = self._beyond.get(resource, 0) + 1 if value >= limit else 0
        if resource in self._degraded:
            if value >= limit - _MARGIN:
                return []
            del self._degraded[resource]
            text = f"{resource} of {self._host} is at {value:.0%} again, below its limit of {limit:.0%}"
            return [self._event("service.recovered", now, resource, text, value, limit)]
        if self._beyond[resource] < _PATIENCE:
            return []
        self._degraded[resource] = value
        text = f"{resource} of {self._host} is at {value:.0%}, beyond its limit of {limit:.0%}"
        return [self._event("service.degraded", now, resource, text, value, limit)]

    def _event(self, name: str, now: datetime, resource: str, text: str, value: float, limit: float) -> Event:
        is_worse, matters_most = name == "service.degraded", resource.startswith(("disk", "memory"))
        is_grave = is_worse and matters_most and value >= max(_VERY_FULL, limit)
        return Event.of_type(
            name,
            id=derived_id(now, SOURCE, self._host, name, resource),
            source=SOURCE,
            at=now,
            severity="critical" if is_grave else "",
            message=text,
            subject=f"{self._host}: {resource}",
            data={"host": self._host, "resource": resource, "value": round(value, 4), "limit": limit},
        )

    def _observed(self, reading: HostReading, now: datetime) -> Event:
        shares = {"cpu": reading.cpu, "memory": reading.memory, "files": reading.files, "swap": reading.swap}
        numbers = {name: round(value, 4) for name, value in shares.items()}
        disks = {mount: round(share, 4) for mount, share in reading.disks.items()}
        name = "host.observed"
        return Event.of_type(
            name,
            id=derived_id(now, SOURCE, self._host, name),
            source=SOURCE,
            at=now,
            message=f"host {self._host}: cpu {reading.cpu:.0%}, memory {reading.memory:.0%}",
            subject=self._host,
            data={"host": self._host, "disks": disks, "load_per_core": round(reading.load_per_core, 3), **numbers}
            | dict(reading.details),
        )


def read_host() -> HostReading:
    """Return this machine's readings; CPU is the mean since the last call (0 at the first)."""
    cores = os.cpu_count() or 1
    return HostReading(
        cpu=psutil.cpu_percent(interval=None) / 100,
        memory=psutil.virtual_memory().percent / 100,
        swap=psutil.swap_memory().percent / 100,
        disks=disk_shares(),
        load_per_core=os.getloadavg()[0] / cores,
        files=_open_files(),
        details={"cores": cores, "processes": len(psutil.pids())},
    )


def disk_shares() -> dict[str, float]:
    """Return how full each real, writable file system is; one that is mounted in several places counts once."""
    found: dict[str, tuple[str, float]] = {}
    for part in psutil.disk_partitions(all=False):
        if part.fstype in _VIRTUAL or "ro" in part.opts.split(","):
            continue
        try:
            share = psutil.disk_usage(part.mountpoint).percent / 100
        except OSError:
            continue  # unplugged, or not ours to see
        if part.device not in found or len(part.mountpoint) < len(found[part.device][0]):
            found[part.device] = (part.mountpoint, share)
    if not found:  # a container, whose root is an overlay
        found["root"] = ("/", psutil.disk_usage("/").percent / 100)
    return dict(found.values())


def _open_files() -> float:
    """Return the share of the system's file handles in use (Linux; 0 elsewhere)."""
    try:
        used, _, most = map(int, Path("/proc/sys/fs/file-nr").read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return 0.0
    return used / most if most else 0.0
