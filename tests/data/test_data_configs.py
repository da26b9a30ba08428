import inspect
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import InstantiationException
from hydra.utils import get_method, instantiate
from PIL import Image

from ganexp.config import composition
from ganexp.data.gaussians import GaussianData
from ganexp.data.images import ImageData
from ganexp.data.packed.index import Header, write_index
from ganexp.data.translation.module import PairedData, UnpairedData

CONF = Path(__file__).parents[2] / "conf"
NAMES = sorted(path.stem for path in (CONF / "data").glob("*.yaml"))
OWN = {
    "digits", "mnist", "fashion_mnist", "cifar10", "svhn", "stl10", "ffhq64", "ffhq256", "afhq_cat", "celeba",
    "lsun_bedroom", "imagenet", "image_folder", "parquet", "hf", "webdataset", "stream",
    "gaussians", "paired_folder", "unpaired_folder", "facades", "edges2shoes", "maps", "cityscapes", "horse2zebra",
    "summer2winter", "monet2photo", "mosaic", "mosaic_unpaired",
}  # fmt: skip
FOLDERS = ("image_folder", "paired_folder")
TABLES = ("parquet", "hf", "webdataset")
PATHS = (*TABLES, "stream")
DEGRADATIONS = sorted(path.stem for path in (CONF / "data" / "degradation").glob("*.yaml"))
SOURCES = sorted(path.stem for path in (CONF / "data" / "source").glob("*.yaml"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for name in ("cat", "dog"):
        (folder / name).mkdir()
        Image.new("RGB", (8, 8)).save(folder / name / "a.png")
    # The same folder as a packed set.
    write_index(folder, Header(8, 8, 3, 2, 2, ("cat", "dog"), "folder"), [])
    return folder


@pytest.fixture
def composed(tmp_path):
    composition.register_resolvers()
    groups = "- metric: none\n  - data: digits"
    primary = f"defaults:\n  {groups}\n  - _self_\nseed: 3\ndata_root: {tmp_path}\n"
    (tmp_path / "primary.yaml").write_text(f"hydra:\n  searchpath: ['file://{CONF}']\n{primary}")

    def compose_data(*overrides):
        with initialize_config_dir(str(tmp_path), version_base="1.3"):
            return compose("primary", list(overrides)).data

    return compose_data


def overrides(name, folder):
    key = "data.root" if name in FOLDERS else "data.path"
    # The folder of images has neither tables nor shards, whose classes could be counted.
    unlabelled = ["data.num_classes=null"] if name in TABLES else []
    return [f"data={name}", *([f"{key}={folder}"] if name in FOLDERS + PATHS else []), *unlabelled]


def test_all_options_are_there():
    assert set(NAMES) >= OWN


@pytest.mark.parametrize("name", sorted(OWN))
def test_each_option_composes_and_is_accepted_whole(name, composed, folder):
    config = composed(*overrides(name, folder))
    module = instantiate(config, _convert_="all")
    assert isinstance(module, ImageData | GaussianData | PairedData | UnpairedData)
    assert (module.name, module.seed) == (name, 3)
    assert module.image_size == (config.image_size, config.image_size)
    for key in ("channels", "num_classes", "batch_size"):
        assert getattr(module, key) == config[key]
    if name != "gaussians":
        arguments = {key: value for key, value in config.source.items() if not key.startswith("_")}
        if isinstance(module, PairedData | UnpairedData):
            arguments["split"] = config.split
        inspect.signature(get_method(config.source._target_)).bind(**arguments)


@pytest.mark.parametrize("path", sorted((CONF / "data").rglob("*.yaml")), ids=lambda path: path.stem)
def test_each_file_begins_with_one_sentence(path):
    first = path.read_text().removeprefix("# @package data\n").splitlines()[0]
    assert first.startswith("# ")
    assert first.endswith(".")
    assert len(first) < 140


def test_the_classes_of_an_image_folder_are_counted(composed, folder):
    module = instantiate(composed("data=image_folder", f"data.root={folder}", "data.batch_size=2"), _convert_="all")
    module.setup("fit")
    assert module.num_classes == 2
    assert next(iter(module.train_dataloader()))["image"].shape == (2, 3, 64, 64)
    assert composed("data=image_folder", f"data.root={folder}/cat").num_classes is None


@pytest.mark.parametrize(("mixture", "modes"), [("ring", 8), ("grid", 25), ("custom", 2)])
def test_mixtures_are_chosen_by_name(composed, mixture, modes):
    module = instantiate(composed("data=gaussians", f"data/mixture={mixture}"), _convert_="all")
    assert len(module.mixture.centres) == modes
    module = instantiate(
        composed("data=gaussians", "data/mixture=custom", "data.mixture.centres=[[0,0],[0.1,0],[0,0.2]]"),
        _convert_="all",
    )
    assert len(module.mixture.centres) == 3


@pytest.mark.parametrize("name", ["mosaic", "mosaic_unpaired"])
@pytest.mark.parametrize("degradation", DEGRADATIONS)
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.thinned(4)
def test_sources_and_degradations_are_chosen_by_name(composed, folder, name, degradation, source):
    more = [f"data.root={folder}"] if source == "image_folder" else []
    config = composed(f"data={name}", f"data/source={source}", f"data/degradation={degradation}", *more)
    if degradation == "gray" and config.channels == 1:
        with pytest.raises(InstantiationException, match="no colour"):
            instantiate(config, _convert_="all")
        return
    module = instantiate(config, _convert_="all")
    assert type(module.degradation).__name__.lower() == degradation
    arguments = {key: value for key, value in config.source.items() if not key.startswith("_")}
    inspect.signature(get_method(config.source._target_)).bind(split="train", **arguments)


@pytest.mark.parametrize("name", ["mosaic", "mosaic_unpaired"])
def test_the_mosaic_of_another_source_is_ready_to_train_on(composed, name):
    config = composed(f"data={name}", "data/source=digits", "data.batch_size=16", "data.degradation.block=2")
    module = instantiate(config, _convert_="all")
    module.prepare_data()
    module.setup("fit")
    batch = next(iter(module.train_dataloader()))
    assert batch["input"].shape == batch["image"].shape == (16, 1, 8, 8)
    assert module.test_pairs.aligned
    assert len(module.test_pairs) == 179


@pytest.mark.parametrize(("image_size", "load_size"), [(256, 286), (64, 72), (512, 572)])
def test_the_size_to_crop_from_follows_the_size_of_images(composed, folder, image_size, load_size):
    data = composed("data=paired_folder", f"data.root={folder}", f"data.image_size={image_size}")
    assert data.load_size == load_size
    data.load_size = 300
    assert data.load_size == 300


def test_two_folders_are_two_domains(composed, folder):
    config = composed("data=unpaired_folder", f"data.a={folder}/cat", f"data.b={folder}/dog",
                      f"data.test_a={folder}/cat", f"data.test_b={folder}/dog", "data.image_size=8")  # fmt: skip
    module = instantiate(config, _convert_="all")
    module.setup("fit")
    assert next(iter(module.train_dataloader()))["input"].shape == (1, 3, 8, 8)
