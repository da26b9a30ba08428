"""Attributes of tables: columns of lists, and a column for each attribute."""

import sys

import pytest
from omegaconf import OmegaConf

from ganexp.config.class_counts import hf_attributes, hf_classes, parquet_attributes, parquet_classes
from ganexp.data.images import ImageData
from ganexp.data.sources import hugging_face, parquet
from ganexp.data.sources.table_labels import Classes, Flags, Lists
from support.refusals import complaint
from support.runs import UNSCORED
from support.streams import encoded

datasets = pytest.importorskip("datasets")

NAMES = ["hat", "scarf", "tie"]
WORN = [[0], [1, 2], [], [2, 0], [1], []]
EXPECTED = [[1, 0, 0], [0, 1, 1], [0, 0, 0], [1, 0, 1], [0, 1, 0], [0, 0, 0]]
FLAGS = ["hat", "scarf", "tie"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of one parquet file whose images have the same attributes in columns of every kind."""
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "worn": datasets.List(datasets.ClassLabel(names=NAMES)),
            "numbers": datasets.List(datasets.Value("int32")),
            "texts": datasets.List(datasets.Value("string")),
            "hat": datasets.Value("bool"),
            "scarf": datasets.Value("int8"),
            "tie": datasets.Value("int8"),
        }
    )
    rows = {
        "image": [{"bytes": encoded(number), "path": None} for number in range(len(WORN))],
        "worn": WORN,
        "numbers": WORN,
        "texts": [[NAMES[number] for number in worn] for worn in WORN],
        "hat": [0 in worn for worn in WORN],
        "scarf": [int(1 in worn) for worn in WORN],
        "tie": [2 * (2 in worn) - 1 for worn in WORN],
    }
    folder = tmp_path_factory.mktemp("attributes")
    datasets.Dataset.from_dict(rows, features=features).to_parquet(folder / "train.parquet")
    return folder


@pytest.mark.parametrize(
    ("column", "names"), [("worn", NAMES), ("numbers", ["0", "1", "2"]), ("texts", NAMES), (FLAGS, FLAGS)]
)
def test_lists_and_columns_of_flags_are_the_same_attributes(folder, column, names):
    pictures = parquet(str(folder), label_column=column)
    assert (pictures.labels.tolist(), pictures.classes) == (EXPECTED, names)
    assert pictures[3][1].tolist() == EXPECTED[3]
    where = (str(folder), "train", None, OmegaConf.create({"column": column}).column)
    assert parquet_classes(*where) == hf_classes(*where) == 3
    assert parquet_attributes(*where) is hf_attributes(*where) is True


def test_a_class_is_no_attribute(folder):
    for column, classes in (("scarf", 2), ("none", None), (None, None)):
        assert parquet_classes(str(folder), "train", None, column) == classes
        assert parquet_attributes(str(folder), "train", None, column) is False


@pytest.mark.parametrize("in_memory", [True, False])
def test_batches_have_the_attributes_of_their_images(folder, in_memory):
    data = ImageData(
        lambda: hugging_face(str(folder), label_column="worn"), "hf", 8, 3, 3, 6, 0, in_memory=in_memory, workers=0,
        attributes=True,
    )  # fmt: skip
    data.setup()
    batch = next(iter(data.train_dataloader()))
    assert batch["label"].tolist() == [EXPECTED[red] for red in batch["image"][:, 0, 0, 0]]


def test_what_the_settings_say_about_attributes_is_compared_with_the_data(folder):
    data = ImageData(lambda: parquet(str(folder), label_column="worn"), "hf", 8, 3, 3, 6, 0, attributes=False, path="p")
    assert complaint(data.setup) == "data.attributes=false, but hf p has several attributes for each image"


def test_the_hub_is_asked_for_the_kind_of_one_column_only(monkeypatch):
    asked = []

    def described(_, path, *__):
        asked.append(path)
        return datasets.Features(
            {"worn": datasets.List(datasets.ClassLabel(names=NAMES)), "texts": datasets.List(datasets.Value("string"))}
        )

    monkeypatch.setattr(sys.modules["ganexp.data.sources.hugging_face"], "hub_columns", described)
    assert hf_attributes("owner/one", "train", None, FLAGS) is True
    assert hf_attributes("owner/one", "train", None, None) is hf_attributes("owner/one", "train", None, "none") is False
    untrusted = OmegaConf.create({"trust": []})
    assert hf_attributes("owner/one", "train", None, "worn", _root_=untrusted) is False
    assert not asked
    assert hf_attributes("owner/one", "train", None, "worn") is True
    assert hf_classes("owner/one", "train", None, "worn") == hf_classes("owner/one", "train", None, "worn") == 3
    assert asked == ["owner/one"]
    # With the number of names, the kind is enough.
    assert hf_attributes("owner/one", "train", None, "texts") is True
    assert "has no names of its classes: data.num_classes=N" in complaint(
        hf_classes, "owner/one", "train", None, "texts"
    )


def named(*values):
    return Lists("c", NAMES, "t"), values


def unnamed(*values):
    return Lists("c", None, "t"), values


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (named([0], None, 1, "a", {}), "4 rows are no lists: row 1 (None); row 2 (1); row 3 (a); and 1 more"),
        (named([0], [3], [-1, 0]), "2 lists have numbers other than 0 to 2: row 1 ([3]); row 2 ([-1, 0])"),
        (named(["hat"]), "1 lists are not of whole numbers: row 0 (['hat'])"),
        (unnamed(["a"], [1]), "1 lists are not of text: row 1 ([1])"),
        (unnamed([0, 1, 1]), "1 lists have a number twice, so they do not say which apply: row 0 ([0, 1, 1])"),
        (unnamed([-2, 1]), "1 lists have numbers other than 0 to 1: row 0 ([-2, 1])"),
        (unnamed([], []), "all lists are empty"),
        (unnamed([10**15]), "more than 1,000 attributes (0; 1; 2; and 998 more)"),
        (unnamed(list(map(chr, range(97, 1098)))), "more than 1,000 attributes (a; b; c; and 998 more)"),
        ((Flags(["c"], "t"), [0, 1, 2, None]), "2 values are not 0 or 1, or -1 or 1: row 2 (2); row 3 (None)"),
        ((Classes("c", NAMES, "t"), [0, 3]), "1 rows have numbers other than 0 to 2: row 1 (3)"),
    ],
)  # fmt: skip
def test_rows_without_a_label_of_use_are_counted_and_the_first_three_named(given, message):
    columns, values = given
    assert complaint(columns.read, {"c": values}) == f"t, column c: {message}"


def test_a_split_without_any_labels_is_unlabelled(folder, tmp_path):
    table = datasets.load_dataset("parquet", data_files=str(folder / "train.parquet"), split="train")
    table.map(lambda row: {"worn": None}).to_parquet(tmp_path / "test.parquet")
    pictures = parquet(str(tmp_path), split="test", label_column="worn")
    assert (pictures.labels, pictures.classes) == (None, [])


def test_flags_that_are_all_off_are_labels():
    assert Flags(["a", "b"], "t").read({"a": [-1, -1], "b": [False, False]}).numbers.tolist() == [[0, 0]] * 2


def test_an_unknown_column_among_several_is_named(folder):
    line = complaint(parquet, str(folder), label_column=["hat", "glove"])
    assert line.startswith("data.source.label_column=glove: ")


@pytest.mark.slow
def test_a_model_is_trained_on_the_attributes_of_a_table_and_inspect_counts_them(folder, ganexp):
    options = ["data=parquet", f"data.path={folder}", "data.image_size=8", "data.source.label_column=[hat,scarf,tie]"]
    done = ganexp("data", "inspect", *options)
    assert "3: hat 2, scarf 2, tie 2" in done.out
    networks = ["model.generator.network.width=8", "model.discriminator.network.width=8", "data.batch_size=4"]
    done = ganexp("run_dir=r", *UNSCORED, "images=8", "model=cdcgan", *networks, *options)
    assert done.status == 0, done.err
    assert ganexp("sample", "run=r", "n=2", "labels=[hat+tie,none]", "out=drawn").status == 0
    refused = ganexp("run_dir=s", *UNSCORED, "images=8", "model=acgan", *options)
    assert refused.complaint.startswith("the data have several attributes for each image, and the model takes one")
    refused = ganexp("run_dir=s", *UNSCORED, "images=8", "model=cdcgan", *networks, *options, "data.balance=true")
    assert refused.complaint.startswith("data.balance=true: images have several attributes each")
