"""Host and Origin checks of a local page, as ASGI middleware.

A page on this machine can be reached by any website that its user visits: through a name that resolves to 127.0.0.1
(DNS rebinding, foreign ``Host``), or by a request that the browser sends to it (foreign ``Origin``). Both are refused.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from ganexp.errors import UserError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[?[0-9A-Fa-f:]+\]?")
POLICY_VIOLATION = 1008
"""WebSocket close code (RFC 6455, section 7.4.1)."""
REFUSAL = "this page is for this machine only; behind a proxy, start it with hosts=NAME, the name in the address bar\n"


class HostCheck:
    """Refuses requests for other host names, and requests from pages of other origins, with status 403.

    ``hosts`` are further names, such as that of a proxy. The origin must be the page itself or one of ``hosts``.
    """

    def __init__(self, app: App, hosts: Iterable[str] = ()) -> None:
        self.app = app
        self.hosts = frozenset(host.lower().strip("[]") for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an ASGI request on, or refuse it."""
        if scope["type"] in ("http", "websocket") and not self.permits(scope["headers"]):
            await refuse(scope["type"], send, 403, REFUSAL)
        else:
            await self.app(scope, receive, send)

    def permits(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        """Return whether the ``Host`` and ``Origin`` headers, by lower-case names, are those of the page."""
        pairs = [(name, value.decode("latin-1").lower()) for name, value in headers]
        hosts = [value for name, value in pairs if name == b"host"]
        origins = [value for name, value in pairs if name == b"origin"]
        if len(hosts) != 1 or host_name(hosts[0]) not in LOCAL_HOSTS | self.hosts:
            return False
        return all(self.is_own(origin, hosts[0]) for origin in origins)

    def is_own(self, origin: str, host: str) -> bool:
        """Return whether an origin is the page at ``host``, or has a permitted name."""
        scheme, _, location = origin.partition("://")
        return scheme in ("http", "https") and (location == host or host_name(location) in self.hosts)


def host_name(location: str) -> str | None:
    """Return the host name of ``NAME[:PORT]``, None if it cannot be read."""
    try:
        parts = urlsplit(f"//{location}")
        return parts.hostname if parts.netloc == location and parts.username is None else None
    except ValueError:
        return None


async def refuse(kind: str, send: Send, status: int, text: str) -> None:
    """Respond to a request of a kind, http or websocket, with a status and one line."""
    if kind == "websocket":
        # Closed before it is accepted, so the server responds with status 403.
        await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        return
    body = text.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def require_host_names(hosts: Iterable[str]) -> None:
    """Raise UserError for what is not a host name, such as an address with a scheme or a port."""
    for host in hosts:
        if not HOST_NAME.fullmatch(host):
            raise UserError(f"hosts={host}: a host name is expected, without scheme and port, such as gpu.example.org")
