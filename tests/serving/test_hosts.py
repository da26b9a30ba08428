"""Local pages refuse requests for foreign host names and from foreign pages."""

import asyncio

import pytest

from ganexp.errors import UserError
from ganexp.serving.hosts import HostCheck, require_host_names

FOREIGN = "evil.example"


async def page(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"the page"})


def asked(app, kind="http", **headers):
    """The messages that an app sends in response to a request with some headers."""
    sent = []

    async def send(message):
        sent.append(message)

    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    asyncio.run(app({"type": kind, "headers": pairs}, None, send))
    return sent


def status(**headers):
    return asked(HostCheck(page, ["GPU.example.org"]), **headers)[0]["status"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:7860", "[::1]:7860", "LOCALHOST:80", "gpu.example.org:8443"])
def test_own_and_named_hosts_are_served(host):
    assert status(host=host) == 200
    assert status(host=host, origin=f"http://{host}") == 200
    assert status(host=host, origin="https://gpu.example.org") == 200


FOREIGN_HOSTS = [FOREIGN, f"{FOREIGN}:7860", "", "localhost.evil.example", "evil.example#localhost", "a@localhost", "["]


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_foreign_hosts_are_refused(host):
    assert status(host=host) == 403


def test_a_request_has_exactly_one_host():
    sent = []

    async def send(message):
        sent.append(message)

    for headers in ([], [(b"host", b"localhost"), (b"host", b"localhost")]):
        asyncio.run(HostCheck(page)({"type": "http", "headers": headers}, None, send))
        assert sent[-2]["status"] == 403


FOREIGN_ORIGINS = [f"http://{FOREIGN}", "null", "http://localhost:8888", "file://", "", "localhost:7860"]


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_foreign_origins_are_refused(origin):
    assert status(host="localhost:7860", origin=origin) == 403


def test_a_refusal_is_one_line_that_names_the_remedy():
    start, body = asked(HostCheck(page), host=FOREIGN)
    assert (b"content-type", b"text/plain; charset=utf-8") in start["headers"]
    assert body["body"].count(b"\n") == 1
    assert b"hosts=NAME" in body["body"]


def test_websockets_are_refused_before_they_are_accepted():
    assert asked(HostCheck(page), "websocket", host=FOREIGN) == [{"type": "websocket.close", "code": 1008}]


@pytest.mark.parametrize("name", ["http://a.example", "a.example:80", "*", "", "a b", "a.example/"])
def test_what_is_no_host_name_is_refused_by_name(name):
    with pytest.raises(UserError, match=r"hosts=.*: a host name is expected"):
        require_host_names([name])
    require_host_names(["gpu.example.org", "10.0.0.2", "[::1]", "fe80::1", "node_3"])
