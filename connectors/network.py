"""Whether a host can be found and answers, told apart from what the service on it says; and whether it may be asked.

A clerk types an address and the hub goes there: so it goes to the networks of HUB_SOURCE_NETWORKS only, where that is
set, and never to link-local addresses (a cloud's own keys are read there) nor to the hub's own doors.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Collection

from schemas.errors import ConfigError, SourceUnavailable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
CONNECT_SECONDS = 8
_THIS_HOST = ipaddress.ip_network("0.0.0.0/8")
# Letters, digits, dots, hyphens, or an IPv6 address: what every client library reads as one and the same host.
PLAIN_HOST = re.compile(r"[\w.-]+|(?=.*:.*:)[0-9a-fA-F:.]+")
OWN_PORTS = "HUB_OWN_PORTS"  # of the hub's portal, database and Dagster on this machine; set by whoever starts them


def resolve(host: str, where: str) -> str:
    """The address a host name stands for.

    Raises:
        SourceUnavailable: the name is unknown now; a resolver that is down says the same.
    """
    try:
        found = socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError):
        raise _unknown(host, where) from None
    return f"{host} → {found[0][4][0]}"


def networks() -> tuple[Network, ...]:
    """The networks of HUB_SOURCE_NETWORKS; none when it is not set.

    Raises:
        ConfigError: it holds something else than networks.
    """
    given = [n.strip() for n in os.environ.get("HUB_SOURCE_NETWORKS", "").split(",") if n.strip()]
    try:
        return tuple(ipaddress.ip_network(n, strict=False) for n in given)
    except ValueError as error:
        raise ConfigError("HUB_SOURCE_NETWORKS", "不是网段的列表", "例如 10.0.0.0/8,192.168.5.0/24") from error


def forbidden(
    text: str, port: int | None, allowed: Collection[Network], own_ports: Collection[int] = ()
) -> tuple[str, str] | None:
    """Why an address must not be reached, and what to do; None when it may. No `allowed` network means any.

    `own_ports` come beside those the hub has told this process.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    address = getattr(address, "ipv4_mapped", None) or address
    own = {int(p) for p in os.environ.get(OWN_PORTS, "").split(",") if p.strip().isdigit()} | set(own_ports)
    if allowed and not any(address in network for network in allowed if network.version == address.version):
        return "不在允许接入的网段里", "请确认地址；确需接入时由系统管理员加进 HUB_SOURCE_NETWORKS"
    if (address.is_loopback or address.is_unspecified) and port in own:
        return "是枢纽自己的服务，不能填", "请填对方系统的地址"
    # 0.0.0.0/8 is this machine by another name.
    if address.is_link_local or address.is_multicast or address.is_unspecified or address in _THIS_HOST:
        return "是链路本地或保留地址，不能填", "请填对方系统的地址"
    return None


def permitted(host: str, port: int, where: str, *, anywhere: bool = False) -> None:
    """Refuse a place the hub must not be sent to; a name is judged by every address it stands for now.

    `anywhere` leaves HUB_SOURCE_NETWORKS aside: for places an administrator has named, which are no sources.

    Raises:
        ConfigError: the place is forbidden.
        SourceUnavailable: the name is unknown.
    """
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, port, proto=socket.IPPROTO_TCP)}
    except (OSError, UnicodeError):
        raise _unknown(host, where) from None
    for text in sorted(map(str, found)):
        if told := forbidden(text, port, () if anywhere else networks()):
            raise ConfigError(where, f"{host}:{port} {told[0]}", told[1])


def reach(host: str, port: int, where: str) -> str:
    """Says that the port answers.

    Raises:
        ConfigError: the hub must not be sent there.
        SourceUnavailable: it refuses, or does not answer in time.
    """
    permitted(host, port, where)
    try:
        socket.create_connection((host, port), timeout=CONNECT_SECONDS).close()
    except socket.gaierror:
        raise _unknown(host, where) from None
    except ConnectionRefusedError:
        raise refused(host, port, where) from None
    except TimeoutError:
        raise silent(host, port, where) from None
    except OSError as error:
        raise SourceUnavailable(
            where, f"到 {host}:{port} 的网络不通（{error.strerror or error}）", "请检查网络、路由和防火墙"
        ) from None
    return f"{host}:{port} 有应答"


def _unknown(host: str, where: str) -> SourceUnavailable:
    return SourceUnavailable(where, f"找不到主机 '{host}'", "请核对地址里的主机名，或检查本机的域名解析（DNS）")


def refused(host: str, port: int, where: str) -> SourceUnavailable:
    """The host is there, nothing listens."""
    return SourceUnavailable(where, f"{host}:{port} 拒绝连接", "请核对端口，并请部门确认服务已启动")


def silent(host: str, port: int, where: str) -> SourceUnavailable:
    """Nothing came back at all."""
    return SourceUnavailable(
        where, f"{host}:{port} 没有应答（已等 {CONNECT_SECONDS} 秒）", "请检查主机是否开机、网络和防火墙是否放行"
    )


def wordless(host: str, port: int, kind: str, where: str) -> SourceUnavailable:
    """The port takes connections, but nothing on it speaks as expected."""
    return SourceUnavailable(
        where, f"{host}:{port} 连得通，但等了 {CONNECT_SECONDS} 秒没有按 {kind} 的方式应答",
        f"请核对这个端口是不是 {kind} 的；确实是的，请部门查看服务是否卡住",
    )  # fmt: skip
