"""Folders of very many files: what is listed once, and what is not listed at all."""

import os

import pytest

from ganexp.data.files import folders
from ganexp.data.files.folders import class_folders, images_below
from ganexp.data.files.path_table import CHUNK, PathTable


def test_a_table_of_paths_returns_them_unchanged():
    paths = ["a/b.png", "", "ü/日本.jpg", os.fsdecode(b"not/\xff\xfe/utf8.png"), "x" * 4000, "c"]
    table = PathTable(paths)
    assert [table[index] for index in range(len(table))] == paths
    assert [table[-index] for index in range(1, 7)] == paths[::-1]
    with pytest.raises(IndexError):
        table[len(paths)]
    assert list(table) == paths
    assert len(PathTable([])) == 0
    assert list(PathTable([])) == []


def test_a_table_of_paths_spans_its_chunks():
    paths = [f"{index}" for index in range(2 * CHUNK + 1)]
    table = PathTable(iter(paths))
    assert [table[index] for index in range(len(table))] == paths
    assert list(table) == paths


def test_one_image_is_enough_to_know_that_there_are_no_classes(tmp_path, monkeypatch):
    for index in range(100):
        (tmp_path / f"{index}.png").touch()
    asked = []
    monkeypatch.setattr(folders, "is_image", lambda entry: asked.append(entry.name) or True)
    assert class_folders(tmp_path) is None
    assert len(asked) <= 2


def test_of_files_without_a_suffix_only_regular_ones_are_opened_and_only_once(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "image").write_bytes(b"\xff\xd8\xff\xe0")
    (tmp_path / "text").write_text("an image?")
    (tmp_path / "lost").symlink_to(tmp_path / "missing")
    opened, really_open = [], os.open
    monkeypatch.setattr(os, "open", lambda path, *rest: opened.append(path) or really_open(path, *rest))
    assert images_below(tmp_path) == [f"{tmp_path}/image"]
    assert sorted(opened) == [f"{tmp_path}/image", f"{tmp_path}/text"]
