"""Ways out of the hub: mail, the robots of 企业微信 and 钉钉 groups, and a signed webhook for the county's own systems.

An address belongs to the site, not to us: a private 企业微信 has its own host, so none is written down here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import smtplib
import time
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import httpx2

from connectors import network
from connectors.references import REFERENCE, Secrets, resolve
from schemas.errors import ConfigError, HubError, SourceUnavailable, nearest

KINDS = {
    "mail": "电子邮件",
    "wecom": "企业微信群机器人",
    "dingtalk": "钉钉群机器人",
    "webhook": "Webhook（签名的 JSON）",
}
EXAMPLES = {
    "mail": "smtp://用户:${HUB_SECRET_MAIL}@mail.example.gov.cn:25?from=hub@example.gov.cn",
    "wecom": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=${HUB_SECRET_WECOM}",
    "dingtalk": "https://oapi.dingtalk.com/robot/send?access_token=${HUB_SECRET_DINGTALK}",
    "webhook": "https://oa.example.gov.cn/api/notices",
}
SECONDS = 10
_PORTS = {"http": 80, "https": 443, "smtp": 25, "smtps": 465, "smtp+starttls": 587}
_LONGEST = 4000  # bytes the group robots take in one message
_SCHEMES = {"mail": ("smtp", "smtps", "smtp+starttls")}


@dataclass(frozen=True)
class Message:
    """What goes out at once: a heading and lines of (title, link). `number` is the same when it is sent again."""

    number: str
    title: str
    lines: tuple[tuple[str, str], ...]

    def text(self, longest: int | None = None) -> str:
        """As plain text; past `longest` bytes the rest is counted."""
        kept: list[str] = []
        for at, (title, link) in enumerate(self.lines):
            line = f"{title}\n{link}" if link else title
            if longest and len("\n".join([*kept, line]).encode()) > longest:
                kept.append(f"另有 {len(self.lines) - at} 条，请到门户的“消息”里看")
                break
            kept.append(line)
        return "\n".join(kept)


def check(kind: str, address: str, secret: str | None) -> None:
    """Refuse a channel that cannot work or that would keep a secret in the database.

    Raises:
        ConfigError: with what to write instead.
    """
    if kind not in KINDS:
        raise ConfigError(f"渠道类型 '{kind}'", "没有这种渠道", nearest(kind, KINDS))
    parts = urlsplit(address)
    if parts.scheme not in _SCHEMES.get(kind, ("http", "https")) or not parts.hostname:
        raise ConfigError("渠道地址", f"{KINDS[kind]}不能用这个地址", f"例如 {EXAMPLES[kind]}")
    if kind == "mail" and not parse_qs(parts.query).get("from"):
        raise ConfigError("渠道地址", "没有写发件人", f"例如 {EXAMPLES[kind]}")
    named = [v for k in ("key", "access_token", "token") for v in parse_qs(parts.query).get(k, ())]
    for value in (*named, parts.password, secret):
        if value and not REFERENCE.search(unquote(value)):
            raise ConfigError(
                "渠道地址", "里面直接写了密钥", "密钥写进 var/hub.env（HUB_SECRET_…=值），这里写 ${HUB_SECRET_…}"
            )


def deliver(kind: str, address: str, secret: str | None, receiver: str, message: Message) -> str:
    """Send one message; what the other side said.

    Raises:
        HubError: it did not take it; the text holds no secret.
    """
    hidden = Secrets()
    hidden.learn([address, secret])
    try:
        real, key = resolve(address, "渠道地址"), resolve(secret, "渠道密钥") if secret else ""
        hidden.add(urlsplit(real).password, key)
        parts = urlsplit(real)
        network.permitted(parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 443), "渠道地址", anywhere=True)
        return hidden.hide(_SENDERS[kind](real, key, receiver, message))
    except HubError as error:
        raise type(error)(hidden.hide(error.where), hidden.hide(error.what), hidden.hide(error.cure)) from None
    except (OSError, httpx2.HTTPError, smtplib.SMTPException) as error:
        what, cure = _told(error)
        raise SourceUnavailable(KINDS[kind], f"没有送到：{hidden.hide(what)}", cure) from None


def _told(error: Exception) -> tuple[str, str]:
    """Why a message did not arrive, and what to do."""
    answers: tuple[tuple[int, bytes | str], ...] = ()
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        answers = tuple(error.recipients.values())
    elif isinstance(error, smtplib.SMTPResponseException):
        answers = ((error.smtp_code, error.smtp_error),)
    if answers:
        said = (f"{a.decode(errors='replace') if isinstance(a, bytes) else a}（{code}）" for code, a in answers)
        return f"邮件服务器没有接收：{'；'.join(said)}", "请核对收件人，以及渠道地址里的用户和密钥"
    text = f"{type(error).__name__} {error}".strip()
    if isinstance(error, (TimeoutError, httpx2.TimeoutException)):
        return f"{SECONDS} 秒没有回答", "请检查网络和防火墙，并请对方确认服务正常"
    if "refused" in text:
        return "对方拒绝连接", "请核对端口，并请对方确认服务已启动"
    if "CERTIFICATE" in text.upper():
        return "对方的证书不受信任", "请把上级 CA 证书装进本机的信任列表"
    return f"连接中断（{text}）", "请核对地址、网络和密钥"


def _post(address: str, body: bytes, headers: dict[str, str] | None = None) -> httpx2.Response:
    with httpx2.Client(timeout=SECONDS, trust_env=False, follow_redirects=False) as client:
        answer = client.post(address, content=body, headers={"Content-Type": "application/json; charset=utf-8"} | (headers or {}))  # fmt: skip
    if answer.status_code // 100 != 2:
        raise SourceUnavailable(urlsplit(address).netloc, f"回答 {answer.status_code}", "请核对地址和对方的接收设置")
    return answer


def _robot(address: str, body: dict[str, Any]) -> str:
    answer = _post(address, json.dumps(body, ensure_ascii=False).encode())
    try:
        told = answer.json()
        code, words = told["errcode"], str(told.get("errmsg", ""))
    except (ValueError, TypeError, KeyError):
        raise SourceUnavailable(urlsplit(address).netloc, "回答看不懂", "请核对地址是否为群机器人的地址") from None
    if code != 0:
        raise SourceUnavailable(
            urlsplit(address).netloc, f"没有接收：{words}（{code}）", "请核对机器人的密钥和安全设置"
        )
    return words or "ok"


def _wecom(address: str, secret: str, receiver: str, message: Message) -> str:
    content = f"**{message.title}**\n{message.text(_LONGEST - 200)}"
    return _robot(address, {"msgtype": "markdown", "markdown": {"content": content}})


def _dingtalk(address: str, secret: str, receiver: str, message: Message) -> str:
    if secret:
        stamp = str(round(time.time() * 1000))
        sign = base64.b64encode(hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest())
        address += f"{'&' if '?' in address else '?'}timestamp={stamp}&sign={quote(sign.decode(), safe='')}"
    text = f"#### {message.title}\n" + message.text(_LONGEST - 200).replace("\n", "  \n")
    return _robot(address, {"msgtype": "markdown", "markdown": {"title": message.title, "text": text}})


def _webhook(address: str, secret: str, receiver: str, message: Message) -> str:
    body = json.dumps(
        {"id": message.number, "title": message.title, "items": [{"title": t, "link": link} for t, link in message.lines]},
        ensure_ascii=False,
    ).encode()  # fmt: skip
    stamp = str(int(time.time()))
    headers = {"X-Hub-Id": message.number, "X-Hub-Timestamp": stamp}
    if secret:
        headers["X-Hub-Signature"] = "sha256=" + sign(secret, stamp, body)
    return f"HTTP {_post(address, body, headers).status_code}"


def sign(secret: str, stamp: str, body: bytes) -> str:
    """The signature a webhook's receiver checks: HMAC-SHA256 over the timestamp, a full stop and the body."""
    return hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _mail(address: str, secret: str, receiver: str, message: Message) -> str:
    parts = urlsplit(address)
    letter = EmailMessage()
    letter["Subject"], letter["From"], letter["To"] = message.title, parse_qs(parts.query)["from"][0], receiver
    letter["Date"], letter["Message-ID"] = formatdate(localtime=True), make_msgid(message.number, "hub.local")
    letter.set_content(message.text(), charset="utf-8")
    ports = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
    maker = smtplib.SMTP_SSL if parts.scheme == "smtps" else smtplib.SMTP
    with maker(parts.hostname or "", parts.port or ports[parts.scheme], timeout=SECONDS) as post:
        if parts.scheme == "smtp+starttls":
            post.starttls()
        if parts.username:
            post.login(unquote(parts.username), unquote(parts.password or ""))
        post.send_message(letter)
    return "已交给邮件服务器"


_SENDERS = {"mail": _mail, "wecom": _wecom, "dingtalk": _dingtalk, "webhook": _webhook}
