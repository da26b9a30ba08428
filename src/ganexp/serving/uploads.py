"""Bounds on what a page receives and keeps, as ASGI middleware."""

import asyncio
from contextlib import suppress
from pathlib import Path

from ganexp.serving.hosts import App, Message, Receive, Scope, Send, refuse

AT_ONCE = 4
"""Number of request bodies that are received at a time."""
METHODS_WITH_BODY = ("POST", "PUT", "PATCH")


class TooLarge(Exception):
    """A request's body is larger than permitted."""


class UploadBound:
    """Refuses request bodies of more than ``request_bytes`` with status 413, and bounds the files kept in ``folder``.

    Before and after each upload the oldest files are removed until at most ``kept_files`` of at most ``kept_bytes``
    together remain.
    """

    def __init__(self, app: App, folder: Path, request_bytes: int, kept_files: int, kept_bytes: int) -> None:
        self.app = app
        self.folder = folder
        self.request_bytes = request_bytes
        self.kept_files = kept_files
        self.kept_bytes = kept_bytes
        self.turns = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an ASGI request on, or refuse it."""
        if scope["type"] != "http" or scope["method"] not in METHODS_WITH_BODY:
            await self.app(scope, receive, send)
            return
        async with self.turns:
            remove_oldest(self.folder, self.kept_files, self.kept_bytes)
            await self.receive_bounded(scope, receive, send)
            remove_oldest(self.folder, self.kept_files, self.kept_bytes)

    async def receive_bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, whose body ends with a refusal where it is too large."""
        received = 0
        has_started = False

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.request_bytes:
                raise TooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            if announced_bytes(scope) > self.request_bytes:
                raise TooLarge
            await self.app(scope, counted, noted)
        except TooLarge:
            if has_started:
                raise
            megabytes = self.request_bytes // 1_000_000
            await refuse("http", send, 413, f"the upload exceeds the maximum of {megabytes} MB\n")


def announced_bytes(scope: Scope) -> int:
    """Return the ``Content-Length`` of a request, 0 where there is none."""
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(lengths[0]) if lengths and lengths[0].isdigit() else 0


def remove_oldest(folder: Path, kept_files: int, kept_bytes: int) -> None:
    """Remove the oldest files below a folder until the rest are within both bounds, and folders that are empty then.

    The newest file is kept whatever its size.
    """
    newest_first = sorted(files_with_status(folder), reverse=True)
    total = 0
    for number, (_, size, path) in enumerate(newest_first):
        total += size
        if number > 0 and (number >= kept_files or total > kept_bytes):
            with suppress(OSError):
                Path(path).unlink()
                Path(path).parent.rmdir()


def files_with_status(folder: Path) -> list[tuple[float, int, str]]:
    """Return (time of modification, size in bytes, path) of every file below a folder."""
    files = []
    for path in folder.rglob("*"):
        with suppress(OSError):
            status = path.lstat()
            if not path.is_dir():
                files.append((status.st_mtime, status.st_size, str(path)))
    return files
