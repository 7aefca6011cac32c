"""What Grace and Ray listen on: loopback, and nothing else."""

from pathlib import Path

import psutil
import pytest

from tests.conftest import Running

pytestmark = pytest.mark.cluster


def test_no_port_listens_beyond_loopback(running: Running) -> None:
    session = _session_processes(running.home)
    assert len(session) > 5, "the processes of this Grace were not found"
    open_ports = [
        (process.name(), address.laddr)
        for process in session
        for address in _listening(process)
        if address.laddr.ip not in ("127.0.0.1", "::1", "::ffff:127.0.0.1")
    ]
    assert not open_ports


def _session_processes(home: Path) -> list[psutil.Process]:
    import json

    keeper = psutil.Process(json.loads((home / "run" / "state.json").read_text())["pid"])
    return [keeper, *keeper.children(recursive=True)]


def _listening(process: psutil.Process) -> list[psutil._ntuples.pconn]:
    try:
        return [c for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    except psutil.NoSuchProcess:
        return []
