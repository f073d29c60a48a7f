"""What a source described in the portal may reach: the department's own folder, the county's networks, never the hub.

Whoever fills in a form could otherwise have the hub read its own files, call its own services, or send another
department's secret to an address of theirs.

    HUB_SOURCE_NETWORKS=10.0.0.0/8,192.168.5.0/24     the networks sources stand in; private ones when it is not set
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from connectors import network, references
from schemas.errors import ConfigError
from warehouse.home import Home

# Where a county's systems stand, unless HUB_SOURCE_NETWORKS says otherwise: never this machine.
_PRIVATE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")))  # fmt: skip
_FOLDERS = ("HUB_INBOX", "HUB_SOURCE_INBOX")
_GLOB = "*?["


def check(
    home: Home, source: Mapping[str, Any], *, allowed: Collection[str], own_ports: Collection[int], department: str | None
) -> None:  # fmt: skip
    """Nothing when a source may be reached; `allowed` are the references it may hold, `department` None for engineers.

    Raises:
        ConfigError: it refers to a foreign secret, a folder outside, or an address outside the networks or of the hub.
    """
    foreign = sorted(references.names(source) - set(allowed) - set(_FOLDERS))
    if foreign:
        raise ConfigError("来源", f"不能引用 ${{{foreign[0]}}}", "请直接填写这个来源自己的地址和口令")
    for key, value in _texts(source):
        if key == "driver":
            continue
        told = references.resolve(value, f"source.{key}")
        if "://" in told and not told.startswith("sqlite:"):
            _address(key, told, own_ports)
        elif key in {"path", "ca_file"} and str(source.get("driver")) != "http":
            _folder(home, key, told, department)
        elif key == "ca_file" or (key == "url" and source.get("driver") == "sqlite"):
            _folder(home, key, told.removeprefix("sqlite:///"), department)


def _texts(source: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in source.items():
        if isinstance(value, str):
            yield str(key), value
        elif isinstance(value, Mapping):
            yield from ((f"{key}.{k}", str(v)) for k, v in value.items())


def _address(key: str, url: str, own_ports: Collection[int]) -> None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or not network.PLAIN_HOST.fullmatch(host):
        raise ConfigError("地址", "不完整，或主机名里有不该有的字符", "请写主机名或 IP，例如 10.1.2.3")
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, port or 0, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return  # the probe's own first step tells that there is no such name
    allowed = network.networks() or _PRIVATE
    for text in sorted(map(str, found)):
        if told := network.forbidden(text, port, allowed, own_ports):
            raise ConfigError(f"地址 {host}:{port}" if port else f"地址 {host}", *told)


def _folder(home: Home, key: str, text: str, department: str | None) -> None:
    roots = [home.inbox, *(Path(p) for name in _FOLDERS if (p := os.environ.get(name)))]
    if department is not None:
        roots = [root / department for root in roots]
    plain = Path(text)
    fixed = Path(*plain.parts[: next((n for n, part in enumerate(plain.parts) if set(part) & set(_GLOB)), len(plain.parts))])  # fmt: skip
    real = Path(os.path.realpath(fixed))
    if ".." in plain.parts or not any(real.is_relative_to(os.path.realpath(root)) for root in roots):
        raise ConfigError(f"路径 {text}", "不在收件目录里", f"请把文件放到 {roots[0]} 下面，或直接上传一份样本")
