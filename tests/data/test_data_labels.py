import json

import pytest
import torch
from PIL import Image

from ganexp.data.files.folders import class_folders
from ganexp.data.images import ImageData
from ganexp.data.problems import collect_problems
from ganexp.data.sources import image_folder
from ganexp.errors import UserError

FILES = ("a.png", "b.png", "deep/c.png")
CLASSES = ("dog", "cat", "dog")


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "images"
    for number, name in enumerate(FILES):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4), number).save(path)
    return folder


def written(root, text, suffix=".csv"):
    path = root.parent / f"labels{suffix}"
    path.write_text(text)
    return str(path)


PAIRS = list(zip(FILES, CLASSES, strict=True))
FORMATS = {
    "csv": (".csv", "file,label\n" + "".join(f"{file},{label}\n" for file, label in PAIRS)),
    "quoted": (".csv", "\ufefflabel,note,file_name\n" + "".join(f'{label},"x, y",./{file}\n' for file, label in PAIRS)),
    "mapping": (".json", json.dumps(dict(PAIRS))),
    "objects": (".json", json.dumps([{"file": file, "label": label} for file, label in PAIRS])),
    "stylegan": (".json", json.dumps({"labels": PAIRS})),
    "lines": (".jsonl", "".join(json.dumps({"file": file, "label": label}) + "\n" for file, label in PAIRS)),
}


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_gives_each_image_its_class(root, name):
    suffix, text = FORMATS[name]
    path = written(root, text, suffix)
    pictures = image_folder(str(root), path)
    assert pictures.classes == ["cat", "dog"]
    assert [pictures.classes[pictures[index][1]] for index in range(3)] == list(CLASSES)
    assert class_folders(root, path) == 2


def test_rows_may_name_images_by_their_names_alone_or_by_whole_paths(root):
    pictures = image_folder(str(root), written(root, f"file,label\nc.png,x\n{root}/a.png,y\nimages/b.png,x\n"))
    assert [pictures.classes[pictures[index][1]] for index in range(3)] == ["y", "x", "x"]


def test_whole_numbers_are_sorted_by_value(root):
    pictures = image_folder(str(root), written(root, "file,label\na.png,10\nb.png,9\nc.png,10\n"))
    assert pictures.classes == ["9", "10"]


BAD = {
    "missing rows": ("file,label\na.png,x\n", ".csv", r"2 images \(.*b.png, .*c.png\) of 3 without a row in"),
    "a row for two": ("file,label\na.png,x\nb.png,y\nc.png,x\n", ".csv", r"1 row \(c.png\) in .* fit several images"),
    "two labels": ("file,label\na.png,x\na.png,y\n", ".csv", r"1 image \(a.png\) with two different labels"),
    "an empty label": ("file,label\na.png,\n", ".csv", "a.png has no label"),
    "no column": ("name,label\na.png,x\n", ".csv", "no column 'file'"),
    "a short row": ("file,label\na.png\n", ".csv", "line 2 has 1 values"),
    "a class of nothing": (
        "file,label\na.png,x\nb.png,x\ndeep/c.png,x\nother/c.png,x\nq.png,y\n",
        ".csv",
        r"no image is of 1 class \(y\)",
    ),
    "no rows": ("file,label\n", ".csv", "it has no rows"),
    "no JSON": ("{", ".json", "Expecting"),
    "another kind": ("", ".xml", "ends in .csv"),
    "empty sets of attributes": ('{"a.png": [], "b.png": []}', ".json", "names no attribute"),
    "depth": ("[" * 100_000, ".json", "labels.json: "),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_label_file_is_refused_in_one_line(root, name):
    text, suffix, message = BAD[name]
    if name in ("a row for two", "a class of nothing"):
        (root / "other").mkdir()
        Image.new("L", (4, 4)).save(root / "other" / "c.png")
    with pytest.raises(UserError, match=message) as caught:
        image_folder(str(root), written(root, text, suffix))
    assert "\n" not in str(caught.value)


def test_rows_without_an_image_are_counted_and_no_image_is_lost(root, caplog):
    rows = "".join(f"gone{number}.png,x\n" for number in range(5))
    with caplog.at_level("INFO", logger="ganexp"), collect_problems() as problems:
        pictures = image_folder(str(root), written(root, f"file,label\na.png,x\nb.png,x\nc.png,x\n{rows}"))
    assert len(pictures) == 3
    assert "5 rows (gone0.png, gone1.png, gone2.png, …)" in caplog.text
    assert [len(problem.where) for problem in problems] == [5]


def test_an_inspection_names_every_image_without_a_row(root):
    with collect_problems() as problems:
        image_folder(str(root), written(root, "file,label\na.png,x\n"))
    assert [(problem.what, len(problem.where)) for problem in problems] == [("data.labels: images without a row", 2)]


ATTRIBUTES = {
    "csv": (".csv", "file,Smiling,Male\na.png,1,0\nb.png,0,0\nc.png,1,1\n"),
    "signs": (".csv", "Smiling,file,Male\n1,a.png,-1\n-1,b.png,-1\n1,c.png,1\n"),
    "celeba": (".txt", "3\nSmiling Male\na.png  1 -1\nb.png -1 -1\nc.png  1  1\n"),
    "objects": (".json", json.dumps({"a.png": {"Smiling": 1, "Male": 0}, "b.png": {"Smiling": 0, "Male": False},
                                     "c.png": {"Smiling": True, "Male": "1"}})),
    "lines": (".jsonl", '{"file": "a.png", "attributes": {"Smiling": 1, "Male": 0}}\n'
                        '{"file": "b.png", "attributes": {"Smiling": 0, "Male": 0}}\n'
                        '{"file": "c.png", "attributes": {"Smiling": 1, "Male": 1}}\n'),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_each_format_gives_each_image_its_attributes(root, name):
    suffix, text = ATTRIBUTES[name]
    path = written(root, text, suffix)
    pictures = image_folder(str(root), path)
    assert pictures.classes == ["Smiling", "Male"]
    assert [pictures[index][1].tolist() for index in range(3)] == [[1, 0], [0, 0], [1, 1]]
    assert class_folders(root, path) == 2


def test_lists_of_the_attributes_that_apply(root):
    path = written(root, json.dumps({"a.png": ["Smiling", "Male"], "b.png": [], "c.png": ["Male"]}), ".json")
    pictures = image_folder(str(root), path)
    assert pictures.classes == ["Male", "Smiling"]
    assert [pictures[index][1].tolist() for index in range(3)] == [[1, 1], [0, 0], [1, 0]]


@pytest.mark.parametrize("in_memory", [True, False])
def test_attributes_are_in_the_batches(root, in_memory):
    path = written(root, ATTRIBUTES["csv"][1])
    data = ImageData(
        lambda: image_folder(str(root), path), "toy", 4, 1, 2, 3, 0, in_memory=in_memory, workers=0, labels=path
    )
    data.setup()
    batch = next(iter(data.train_dataloader()))
    assert batch["label"].dtype == torch.int8
    rows = data.all_labels()
    assert sorted(batch["label"].tolist()) == sorted(rows.tolist()) == [[0, 0], [1, 0], [1, 1]]
    # The pictures' values are their numbers.
    assert torch.equal(batch["label"], rows[batch["image"][:, 0, 0, 0].long()])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,Smiling\na.png,2\n", r"a.png: Smiling=2: attributes are 0 or 1"),
        ("file\na.png\n", "no column 'label', and none of attributes"),
    ],
)
def test_bad_attributes_are_refused(root, text, message):
    with pytest.raises(UserError, match=message):
        image_folder(str(root), written(root, text))
