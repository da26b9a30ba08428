"""The code's version: the commit of a checkout, and of nothing else."""

import shutil
import subprocess

import pytest

from ganexp.version import commit


@pytest.fixture
def checkout(tmp_path):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    (tmp_path / "__init__.py").write_text("")
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", "-C", tmp_path, *command], check=True)
    return tmp_path


def test_a_checkout_has_its_commit_and_says_if_files_differ_from_it(checkout):
    clean = commit(checkout)
    assert len(clean) == 40
    (checkout / "__init__.py").write_text("changed")
    assert commit(checkout) == f"{clean}-dirty"


def test_a_package_installed_inside_of_a_repository_is_no_part_of_it(checkout):
    installed = checkout / "site-packages"
    installed.mkdir()
    (installed / "__init__.py").write_text("")
    assert commit(installed) is None


def test_without_git_there_is_no_commit(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert commit(checkout) is None
