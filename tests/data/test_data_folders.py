import logging
import subprocess
import sys

import pytest
from PIL import Image

from ganexp.data.files.folders import class_folders, held_out_folder, images_below
from ganexp.data.files.headers import upright_sizes
from ganexp.data.problems import collect_problems
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


FORMATS = {
    "a.jfif": "JPEG", "a.avif": "AVIF", "a.ppm": "PPM", "a.tga": "TGA", "a.qoi": "QOI", "a.jp2": "JPEG2000",
    "jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "tiff": "TIFF", "avif": "AVIF", "ppm": "PPM", "bmp": "BMP",
    "gif": "GIF", "jp2": "JPEG2000", "qoi": "QOI",
}  # fmt: skip


def test_what_pillow_reads_is_read_and_what_is_left_out_is_counted(tmp_path, caplog):
    for name, kind in FORMATS.items():
        Image.new("RGB", (32, 32), len(name)).save(tmp_path / name, kind)
    for name in ("a.txt", "b.TXT", "film.mp4", "LICENSE", ".hidden"):
        (tmp_path / name).write_text("no image")
    with caplog.at_level(logging.INFO), collect_problems() as problems:
        pictures = image_folder(str(tmp_path))
    assert {pictures.name(i).rsplit("/", 1)[1] for i in range(len(pictures))} == set(FORMATS)
    assert all(pictures[index][0].size == (32, 32) for index in range(len(pictures)))
    expected = "left out, as these are no images that Pillow reads: 2 .txt, 1 without suffix, 1 .mp4"
    assert expected in caplog.text
    assert sorted(problem.what.partition(":")[0] for problem in problems) == [expected.partition(":")[0]]


def test_further_pages_are_counted(tmp_path, caplog):
    pages = [Image.new("L", (4, 4), grey) for grey in (0, 100, 200)]
    for name in ("a.tif", "b.gif"):
        pages[0].save(tmp_path / name, save_all=True, append_images=pages[1:])
    put(tmp_path, "c.tif")
    for opened in (lambda: image_folder(str(tmp_path)), lambda: upright_sizes(images_below(tmp_path), "here")):
        caplog.clear()
        with caplog.at_level(logging.INFO):
            opened()
        assert "further pages left out: 4 of 2 files" in caplog.text


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
    code = "import sys, ganexp.data.files.folders; print({'torch', 'PIL', 'numpy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


def test_splits_are_no_classes_and_train_is_used(tmp_path, caplog):
    put(tmp_path, "train/cat/a.png", "train/dog/b.png", "val/cat/c.png", "test/dog/d.png")
    with caplog.at_level(logging.INFO):
        pictures = image_folder(str(tmp_path))
    assert (pictures.classes, len(pictures), class_folders(tmp_path)) == (["cat", "dog"], 2, 2)
    assert "has the splits test, train, val: train is used" in caplog.text
    assert held_out_folder(tmp_path) == tmp_path / "test"


def test_a_class_beside_the_names_of_splits_makes_them_classes(tmp_path):
    put(tmp_path, "train/a.png", "test/b.png", "bus/c.png")
    assert image_folder(str(tmp_path)).classes == ["bus", "test", "train"]
    assert held_out_folder(tmp_path) is None


def test_git_lfs_pointers_are_named(tmp_path):
    (tmp_path / "a.png").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(UserError, match="a Git LFS pointer instead of the image: git lfs pull"):
        image_folder(str(tmp_path))[0]
    with pytest.raises(UserError, match=r"a\.png \(a Git LFS pointer"):
        upright_sizes([str(tmp_path / "a.png")], "here")
