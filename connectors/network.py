"""Whether a host can be found and answers, told apart from what the service on it says."""

from __future__ import annotations

import socket

from schemas.errors import SourceUnavailable

CONNECT_SECONDS = 8


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


def reach(host: str, port: int, where: str) -> str:
    """Says that the port answers.

    Raises:
        SourceUnavailable: it refuses, or does not answer in time.
    """
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
