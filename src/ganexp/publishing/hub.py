"""Downloads from and uploads to the Hugging Face Hub, with failures in one line."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ganexp.errors import UserError, one_line
from ganexp.publishing.layout import CONFIG, WEIGHTS, hub_name
from ganexp.publishing.packages import installed
from ganexp.runs.scores import SCORES

ENDPOINT = "HF_ENDPOINT"
"""The environment variable with the address of the Hub, read at each call."""
REASONS = {
    401: "the token is not accepted, or it may not see this model: set HF_TOKEN, or run hf auth login",
    403: "the token may not write to it: use a token with the right to write",
}


class Unreachable(UserError):
    """The Hub cannot be reached."""


def download(name: str) -> Path:
    """Return the folder with the configuration, weights and scores of a model of the Hub, all of one commit.

    Nothing else of the model is downloaded. Without a network it is the copy in the Hub's cache. Raises UserError if
    there is no such model, or neither a network nor a copy.
    """
    repository, revision = hub_name(name)
    hub = installed("huggingface_hub")
    endpoint = os.environ.get(ENDPOINT)
    try:
        # Asked first, as this request is not repeated for half a minute without a network, as those for files are.
        with failures_in_one_line(name):
            commit = hub.HfApi(endpoint=endpoint).model_info(repository, revision=revision).sha
    except Unreachable:
        copy = hub.try_to_load_from_cache(repository, CONFIG, revision=revision)
        if not isinstance(copy, str):
            raise
        return Path(copy).parent

    def fetch(path: str) -> Path:
        return Path(hub.hf_hub_download(repository, path, revision=commit, endpoint=endpoint))

    with failures_in_one_line(name):
        folder = fetch(CONFIG).parent
        fetch(WEIGHTS)
        with suppress(installed("huggingface_hub.errors").EntryNotFoundError):
            fetch(SCORES)
    return folder


def require_token() -> None:
    """Raise UserError if there is no token of the Hub, before anything is made to be uploaded."""
    if installed("huggingface_hub").get_token() is None:
        raise UserError("there is no token of the Hub: set HF_TOKEN, or run hf auth login; or give a folder, to=FOLDER")


def upload(folder: Path, name: str, private: bool) -> str:
    """Upload the files of a folder as one commit to a model of the Hub, made if there is none; return its address.

    Raises UserError if the Hub refuses it or there is no network.
    """
    repository, revision = hub_name(name)
    hub = installed("huggingface_hub")
    api = hub.HfApi(endpoint=os.environ.get(ENDPOINT))
    files = [hub.CommitOperationAdd(path.name, path) for path in sorted(folder.iterdir())]
    with failures_in_one_line(name):
        address: str = str(api.create_repo(repository, private=private or None, exist_ok=True))
        api.create_commit(repository, files, commit_message="Publish a model of ganexp", revision=revision)
    return address


@contextmanager
def failures_in_one_line(name: str) -> Iterator[None]:
    """Raise UserError for whatever the Hub's client raises."""
    errors = installed("huggingface_hub.errors")
    try:
        yield
    except errors.LocalEntryNotFoundError as error:
        raise Unreachable(f"{name}: the Hub cannot be reached: {cause(error)}") from error
    except errors.RevisionNotFoundError as error:
        raise UserError(f"{name}: this model has no such revision") from error
    except errors.GatedRepoError as error:
        raise UserError(f"{name}: its owner gives access on request, on the model's page") from error
    except errors.RepositoryNotFoundError as error:
        raise UserError(
            f"{name}: there is no such model on the Hub, or it is private: set HF_TOKEN, or run hf auth login"
        ) from error
    except errors.EntryNotFoundError as error:
        raise UserError(f"{name}: is not a model that ganexp published: {CONFIG} or {WEIGHTS} is missing") from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        reason = REASONS.get(status) or error.server_message or f"status {status}"
        raise UserError(f"{name}: the Hub answers: {reason}") from error
    # The client passes on the exceptions of its HTTP library, which is another one in each of its versions.
    except Exception as error:
        raise Unreachable(f"{name}: the Hub cannot be reached: {cause(error)}") from error


def cause(error: BaseException) -> str:
    """Return the text of the error behind an error."""
    while error.__cause__ is not None:
        error = error.__cause__
    return one_line(error)
