"""Folders of very many files: what is listed once, and what is not listed at all."""

import os

import pytest

from ganexp.data.files import folders
from ganexp.data.files.file_kinds import begins_as_image
from ganexp.data.files.folders import class_folders
from ganexp.data.files.path_table import CHUNK, PathTable


def test_a_table_of_paths_returns_them_unchanged():
    paths = ["a/b.png", "", "ü/日本.jpg", os.fsdecode(b"not/\xff\xfe/utf8.png"), "x" * 4000, "c"]
    table = PathTable(paths)
    assert [table[index] for index in range(len(table))] == paths
    assert [table[-index] for index in range(1, 7)] == paths[::-1]
    with pytest.raises(IndexError):
        table[len(paths)]
    assert len(PathTable([])) == 0


def test_a_table_of_paths_spans_its_chunks():
    paths = [f"{index}" for index in range(2 * CHUNK + 1)]
    table = PathTable(paths)
    assert [table[index] for index in range(len(table))] == paths


def test_one_image_is_enough_to_know_that_there_are_no_classes(tmp_path, monkeypatch):
    for index in range(100):
        (tmp_path / f"{index}.png").touch()
    asked = []
    monkeypatch.setattr(folders, "is_image", lambda folder, name: asked.append(name) or True)
    assert class_folders(tmp_path) is None
    assert len(asked) <= 2


def test_neither_pipes_nor_folders_nor_missing_files_begin_as_an_image(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "image").write_bytes(b"\xff\xd8\xff\xe0")
    assert [name for name in ("pipe", ".", "missing", "image") if begins_as_image(tmp_path / name)] == ["image"]
