"""What Grace and Ray listen on: loopback, and nothing else; and that whoever has no token is refused there."""

import json
from pathlib import Path

import grpc
import psutil
import pytest

from tests.conftest import Running

pytestmark = pytest.mark.cluster

SERVE_METHOD = "/ray.serve.ASGIService/HandleRequest"
METHODS = (SERVE_METHOD, "/ray.rpc.CoreWorkerService/PushTask")


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


@pytest.mark.parametrize("token", ["", "wrong"])
def test_a_replica_takes_no_call_without_the_token(running: Running, token: str) -> None:
    ports = _replica_ports(running.home)
    said = {port: {method: _call(port, method, token) for method in METHODS} for port in ports}
    refused = grpc.StatusCode.UNAUTHENTICATED
    assert any(codes[SERVE_METHOD] is refused for codes in said.values()), said
    for codes in said.values():  # a port serves one of the methods, and refuses it; it does not know the other one
        assert refused in codes.values(), said
        assert set(codes.values()) <= {refused, grpc.StatusCode.UNIMPLEMENTED}, said


def test_it_is_the_token_that_a_replica_asks_for(running: Running) -> None:
    token = (running.home / "ray_token").read_text()
    codes = {_call(port, SERVE_METHOD, token) for port in _replica_ports(running.home)}
    assert grpc.StatusCode.UNAUTHENTICATED not in codes
    assert codes != {grpc.StatusCode.UNIMPLEMENTED}


def _replica_ports(home: Path) -> list[int]:
    replicas = [p for p in _session_processes(home) if " ".join(p.cmdline()).startswith("ray::ServeReplica")]
    ports = [address.laddr.port for replica in replicas for address in _listening(replica)]
    assert ports, "no port of a replica was found"
    return ports


def _call(port: int, method: str, token: str) -> grpc.StatusCode:
    metadata = [("authorization", f"Bearer {token}")] if token else []
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            channel.unary_unary(method)(b"", timeout=20, metadata=metadata)
        except grpc.RpcError as error:
            return error.code()
    return grpc.StatusCode.OK


def _session_processes(home: Path) -> list[psutil.Process]:
    keeper = psutil.Process(json.loads((home / "run" / "state.json").read_text())["pid"])
    return [keeper, *keeper.children(recursive=True)]


def _listening(process: psutil.Process) -> list[psutil._ntuples.pconn]:
    try:
        return [c for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    except psutil.NoSuchProcess:
        return []
