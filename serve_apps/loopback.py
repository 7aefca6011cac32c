"""Closes the one port that Ray opens to every network: the gRPC server of a Serve replica, which binds ``[::]``.

It refuses whoever carries no Ray token, but a port that nobody outside needs should not be there. Ray has no setting
for it, so on a loopback-only cluster the replica's own process binds it to loopback; where a later Ray does it another
way, nothing changes, and the test that reads the sockets says so.
"""

from typing import Any

from ray._private import services
from ray.serve._private import replica as replica_module


def keep_replica_on_loopback() -> None:
    """Have this replica's gRPC server listen on 127.0.0.1, where its node is reached there; call before it starts."""
    replica: Any = replica_module
    node: Any = services
    bind = getattr(replica, "add_port_to_grpc_server", None)
    if bind is None or node.get_node_ip_address() != "127.0.0.1":
        return

    def bind_loopback(server: Any, address: str) -> Any:
        return bind(server, address.replace("[::]", "127.0.0.1"))

    replica.add_port_to_grpc_server = bind_loopback
