import subprocess
import sys

import pytest
from PIL import Image

from ganexp.data.folders import class_folders, images_below
from ganexp.data.sources import image_folder
from ganexp.errors import UserError


def put(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), len(name)).save(path)


def test_class_folders_give_labels(tmp_path):
    put(tmp_path, "dog/b.png", "dog/a.jpg", "cat/deep/er/c.WEBP", "cat/.hidden.png", ".git/x.png")
    (tmp_path / "notes.txt").write_text("no image")
    pictures = image_folder(str(tmp_path))
    assert pictures.classes == ["cat", "dog"]
    assert [pictures.name(i).rsplit("/", 1)[1] for i in range(3)] == ["c.WEBP", "a.jpg", "b.png"]
    assert [pictures[i][1] for i in range(3)] == [0, 1, 1]
    assert class_folders(tmp_path) == 2


@pytest.mark.parametrize("names", [["a.png", "b.tif"], ["a.png", "x/b.png", "y/c.png"], ["only/a.png", "only/b.bmp"]])
def test_other_layouts_are_unlabelled(tmp_path, names):
    put(tmp_path, *names)
    pictures = image_folder(str(tmp_path))
    assert pictures.classes == []
    assert len(pictures) == len(names)
    assert class_folders(tmp_path) is None


def test_links_are_followed_but_not_back_to_where_they_lie(tmp_path):
    put(tmp_path, "data/x/a.png", "data/y/b.png", "elsewhere/c.png")
    for link, target in {"x/up": "data", "x/other": "data/y", "y/other": "data/x", "z": "elsewhere"}.items():
        (tmp_path / "data" / link).symlink_to(tmp_path / target)
    found = [path.removeprefix(f"{tmp_path}/data/") for path in images_below(tmp_path / "data")]
    assert found == ["x/a.png", "x/other/b.png", "y/b.png", "y/other/a.png", "z/c.png"]


def test_every_kind_of_file(tmp_path):
    names = [f"a.{s}" for s in ("jpg", "jpeg", "png", "bmp", "webp", "tif", "tiff", "gif")]
    put(tmp_path, *names)
    assert sorted(image_folder(str(tmp_path)).name(i).rsplit("/", 1)[1] for i in range(8)) == sorted(names)


def test_missing_empty_and_half_empty_folders_are_refused_by_name(tmp_path):
    with pytest.raises(UserError, match="nowhere does not exist"):
        image_folder(str(tmp_path / "nowhere"))
    assert class_folders(tmp_path / "nowhere") is None
    with pytest.raises(UserError, match=f"{tmp_path} has no images"):
        image_folder(str(tmp_path))
    put(tmp_path, "cat/a.png")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file is not a folder"):
        image_folder(str(tmp_path / "file"))
    (tmp_path / "dog").mkdir()
    with pytest.raises(UserError, match="class folders without images: dog"):
        image_folder(str(tmp_path))


def test_counting_classes_imports_nothing_heavy():
    code = "import sys, ganexp.data.folders; print({'torch', 'PIL', 'numpy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
