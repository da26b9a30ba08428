"""Fixtures of publishing."""

import pytest

from support.hub_server import TOKEN, serving


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty Hub on this machine, with a token and an empty cache of downloads."""
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub_cache"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no_token"))
    # The demo and trackio switch the Hub off for their whole process, which a test before may have used.
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with serving() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        yield server
