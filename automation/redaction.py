"""What hosts say, without what looks like a password, a token or a key. Pure."""

import re
from collections.abc import Mapping
from typing import Any

REDACTED = "[redacted]"
_NO_SECRETS = ("by", "com", "encom", "over", "sur", "tres", "under")  # words that end in "pass"
_PASS = "".join(rf"(?<!(?<![a-z]){begin})" for begin in _NO_SECRETS) + r"(?<!\.pg)pass"
_KEY = (
    r"(?:(?:passw(?:or)?d|passphrase|secret|token|credential|pwd|비밀번호|암호"
    r"|(?:api|private|access|account|encrypt(?:ion)?|shared|sign(?:ing)?)[-_]?key)"
    rf"[\w.-]{{0,40}}+|{_PASS})"
)
_QUOTED = r"""(?:\\+".*?(?:\\+"|$)|"(?:[^"\\\n]|\\.)*(?:"|$)|'(?:[^'\\\n]|\\.)*(?:'|$))"""
_FLAGS = re.IGNORECASE | re.MULTILINE
_SECRETS = (
    re.compile(r"-----BEGIN [A-Z ]{0,40}KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}KEY-----|\Z)"),
    re.compile(r"""(?P<kept>(?:authorization|cookie)\\*["']?\s{0,9}[=:]).*""", _FLAGS),
    re.compile(r"(?P<kept>\bbearer\s{1,9})\S+", _FLAGS),
    re.compile(
        r"(?P<kept>://[^\s/@:]{0,100}+:)(?:[^\s@]{0,200}+@){0,3}[^\s@]{0,200}+(?=@)", _FLAGS
    ),
    re.compile(rf"""(?P<kept>{_KEY}\\*["']?\s{{0,9}}(?:=>?|[:,])\s{{0,9}}){_QUOTED}""", _FLAGS),
    re.compile(rf"""(?P<kept>{_KEY}\\*["']?\s{{0,9}}:(?!//)).*""", _FLAGS),
    re.compile(rf"(?P<kept>{_KEY}\s{{0,9}}=>?\s{{0,9}})\S+", _FLAGS),
    re.compile(rf"(?P<kept>(?<!\S)--[\w-]{{0,40}}{_KEY}\s{{1,9}})(?:{_QUOTED}|\S+)", _FLAGS),
    re.compile(rf"(?P<kept>{_KEY}\s{{1,9}}){_QUOTED}", _FLAGS),
    re.compile(r"(?P<kept>[?&;][\w-]{0,40}?sig(?:nature)?=)[^\s&;\"'<>]+", _FLAGS),
    re.compile(r"(?<![\w-])eyJ[\w-]{10,}+(?:\.[\w-]*+){2,4}"),  # a token is JSON in base64
    # the words of programs: Redis, SQL, HAProxy, MySQL, curl, sshpass, chat services
    re.compile(rf"(?P<kept>\b(?:requirepass|masterauth)\s{{1,9}})(?:{_QUOTED}|\S+)", _FLAGS),
    re.compile(r"(?P<kept>\bauth-pass\s{1,9}\S{1,100}\s{1,9})\S+", _FLAGS),
    re.compile(r"""(?P<kept>\bAUTH"?\s{1,9})\S.*"""),
    re.compile(rf"(?P<kept>\bidentified\s{{1,9}}by\s{{1,9}})(?:{_QUOTED}|\S+)", _FLAGS),
    re.compile(r"(?P<kept>\binsecure-password\s{1,9})\S+", _FLAGS),
    re.compile(r"(?P<kept>^[-+]?[ \t]{0,40}user\s{1,9}\S{1,100}\s{1,9}password\s{1,9})\S+", _FLAGS),
    re.compile(
        r"(?P<kept>\b(?:mysql|mariadb)[\w-]{0,20}+\b[^\n|;&]{0,200}?\s-p)"
        rf"(?:{_QUOTED}|[^\s\"']\S*)"
    ),
    re.compile(r"(?P<kept>\bauth\s{1,9}[^\s:]{1,100}+:)\S+", _FLAGS),
    re.compile(r"(?P<kept>(?<!\S)(?:-u|--user)[\s=]{0,9}[^\s:]{1,100}+:)\S+"),
    re.compile(r"(?P<kept>\b(?:sshpass\s{1,9}-p|redis-cli\b[^\n]{0,200}?\s-a)\s{0,9})\S+"),
    re.compile(r"(?P<kept>://[\w.-]{0,100}?(?:hooks?|webhook)\.[\w.-]{1,100}+/)\S+", _FLAGS),
)


_SECRET_NAME = re.compile(rf"[\w.-]*?(?:{_KEY}|authorization|cookie)", _FLAGS)


def redact(text: str) -> str:
    """The text without the values of passwords, tokens and keys; what names them stays."""
    for secret in _SECRETS:
        text = secret.sub(_without, text)
    return text


def redact_all(data: Any) -> Any:
    """Plain data with every text in it redacted, and all that a key calls a secret; keys stay."""
    if isinstance(data, str):
        return redact(data)
    if isinstance(data, Mapping):
        return {
            key: _hidden(value) if _SECRET_NAME.fullmatch(str(key)) else redact_all(value)
            for key, value in data.items()
        }
    if isinstance(data, list | tuple):
        return [redact_all(item) for item in data]
    return data


def _hidden(data: Any) -> Any:
    """Nothing of it but its shape, and whether it is there at all."""
    if isinstance(data, Mapping):
        return {key: _hidden(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_hidden(item) for item in data]
    return data if data is None or isinstance(data, bool) else REDACTED


def _without(found: re.Match[str]) -> str:
    return f"{found.groupdict().get('kept', '')}{REDACTED}"
