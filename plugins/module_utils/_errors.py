# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong, told to the person who has to act on it, and never with a secret in it (DESIGN S13, S14)."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, quote_plus

_MASK = "********"
_SHORTEST_SECRET = 4
_secrets: set[str] = set()
_secrets_lock = threading.Lock()

# `=` may arrive percent-encoded once or twice: SignatureDoesNotMatch quotes the string to sign back at us.
_EQUALS = r"(?:=|%3[Dd]|%253[Dd])"
_PATTERNS: tuple[re.Pattern[str], ...] = (
    re.compile(
        r"((?:AccessKeyId|AccessKeySecret|SecurityToken|Signature)" + _EQUALS + r")(?:(?!%26|%2526)[^&\s\"'<>,;])+"
    ),
    re.compile(r"([\"'](?:AccessKeyId|AccessKeySecret|SecurityToken|Signature)[\"']\s*:\s*[\"'])[^\"']+"),
    re.compile(r"([\"'](?:Proxy-)?Authorization[\"']\s*:\s*[\"'])[^\"']+", re.IGNORECASE),
    re.compile(r"(Authorization\s*[:=]\s*)[^\r\n]+", re.IGNORECASE),
    re.compile(r"(\bBearer\s+)[A-Za-z0-9._~+/=-]+", re.IGNORECASE),
    re.compile(r"(://[^/\s:@]+:)[^/\s@]+(?=@)"),
)


def register_secret(value: str | None) -> None:
    """From now on `redact` masks this value, plain and as it looks in a URL. Very short ones would mask words."""
    if value and len(value) >= _SHORTEST_SECRET:
        with _secrets_lock:
            _secrets.update((value, quote(value, safe=""), quote_plus(value), quote(quote(value, safe=""), safe="")))


def secret_values() -> list[str]:
    """Everything registered, for Ansible's own ``no_log_values``."""
    with _secrets_lock:
        return sorted(_secrets)


def redact(text: str) -> str:
    """The text without key ids, signatures, tokens, authorization headers, proxy passwords and registered secrets."""
    for pattern in _PATTERNS:
        text = pattern.sub(r"\g<1>" + _MASK, text)
    with _secrets_lock:
        longest_first = sorted(_secrets, key=len, reverse=True)
    for secret in longest_first:
        text = text.replace(secret, _MASK)
    return text


def _redacted(value: Any) -> Any:
    """The same for anything that can stand in a result."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {str(key): _redacted(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_redacted(item) for item in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return redact(str(value))


class MigrationError(Exception):
    """``msg`` says what failed, ``context`` on which objects, ``hint`` what to do, ``code`` names the cause."""

    # What a person needs to find the object. The rest of the context is for programs and the support desk.
    _TOLD = ("sts", "pod", "claim", "pv", "disk", "snapshot", "zone", "category")

    def __init__(self, msg: str, *, code: str = "", hint: str = "", context: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.msg = redact(msg)
        self.code = code
        self.hint = redact(hint)
        self.context: dict[str, Any] = {}
        self.add_context(**(context or {}))

    def add_context(self, **context: Any) -> MigrationError:
        """Say more about where it happened. What was known nearer to the cause is kept."""
        for key, value in context.items():
            if value not in (None, ""):
                self.context.setdefault(key, _redacted(value))
        return self

    def __str__(self) -> str:
        unsaid = [key for key in self._TOLD if key in self.context and not self._names(str(self.context[key]))]
        where = f" [{', '.join(f'{key} {self.context[key]}' for key in unsaid)}]" if unsaid else ""
        end = "" if self.msg.endswith((".", "!", "?")) and not where else "."
        return f"{self.msg.rstrip('.') + where if where else self.msg}{end} {self.hint}".strip()

    def _names(self, value: str) -> bool:
        return re.search(rf"(?<![\w-]){re.escape(value)}(?![\w-])", self.msg) is not None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.msg!r}, code={self.code!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.__dict__.copy()))

    def as_result(self) -> dict[str, Any]:
        """What a module fails with: ``fail_json(**error.as_result())``."""
        return {"msg": str(self), "code": self.code, "hint": self.hint, "context": dict(self.context)}


def _rebuild(kind: type[MigrationError], state: dict[str, Any]) -> MigrationError:
    error = kind.__new__(kind)
    error.__dict__.update(state)
    return error


class Retryable(MigrationError):
    """The same call may well succeed later: throttled, busy, network or server trouble."""


class NotFound(MigrationError):
    """The object does not exist, or cannot be seen yet."""


class Conflict(MigrationError):
    """Somebody else's change, or an earlier and different one of ours, is in the way."""


class Refused(MigrationError):
    """The request was understood and turned down: stock, quota, an unsuitable object. Repeating it changes nothing."""


class Denied(MigrationError):
    """Wrong or missing credentials, or no permission."""


class BadInput(MigrationError):
    """A parameter cannot be right. Nothing was sent."""


class MissingLibrary(MigrationError):
    """A Python library is not installed where the module runs. ``package`` is its name for pip."""

    def __init__(self, package: str, *, needed_for: str, reason: str = "") -> None:
        because = f": {reason}" if reason else "."
        super().__init__(
            f"The Python library {package} is needed {needed_for} and cannot be imported{because}",
            code="MissingLibrary",
            hint=f"Install it for the Python that runs the module: pip install {package}",
            context={"package": package},
        )
        self.package = package


class TimedOut(MigrationError):
    """Waited long enough. ``partial`` is the last value seen, ``progress`` the last thing reported."""

    def __init__(
        self,
        msg: str,
        *,
        partial: Any = None,
        progress: str = "",
        code: str = "TimedOut",
        hint: str = "",
        context: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(msg, code=code, hint=hint, context=context)
        self.partial = partial
        self.progress = redact(progress)
