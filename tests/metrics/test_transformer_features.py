"""DINOv2's and CLIP's features: images as Pillow resizes them, weights by checksum, one line where there are none."""

import hashlib
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from ganexp.config import composition
from ganexp.config.build import build
from ganexp.data.memory import InMemory
from ganexp.files.download import Remote
from ganexp.metrics import clip as clip_module
from ganexp.metrics import dinov2 as dinov2_module
from ganexp.metrics.clip import clip, rename
from ganexp.metrics.dinov2 import dinov2
from ganexp.metrics.reference import RealImages
from ganexp.metrics.scoring import build_extractors
from ganexp.metrics.transformer_features import central_square, resize_like_pillow
from support.file_server import serving
from support.formula import fill, uniform
from support.refusals import complaint

CPU = torch.device("cpu")
TINY = {"width": 12, "depth": 2, "heads": 3}
EXTRACTORS = {"dinov2": (dinov2_module, dinov2, 12), "clip": (clip_module, clip, 5)}


def images(height, width, channels=3):
    return ((uniform(2 * channels * height * width, 1) + 1) * 128).byte().view(2, channels, height, width)


def real(channels=3):
    return RealImages(InMemory(images(8, 8, channels)), "formula")


def public_clip(weights):
    """Return weights under the names of Hugging Face's file, beside some of the text encoder's."""
    theirs = {name: value for name, value in weights.items() if ".attn.qkv." not in name}
    renamed = {}
    for name, value in theirs.items():
        for old, new in clip_module.RENAMED.items():
            name = f".{name}".replace(f".{new}.", f".{old}.")[1:]
        renamed[name] = value
    renamed["vision_model.embeddings.class_embedding"] = renamed.pop("cls_token").flatten()
    renamed["vision_model.embeddings.position_embedding.weight"] = renamed.pop("pos_embed")[0]
    for name in [name for name in weights if ".attn.qkv." in name]:
        layer = name.replace("blocks", "vision_model.encoder.layers").replace("attn.qkv", "self_attn.{}_proj")
        renamed |= dict(zip(map(layer.format, "qkv"), weights[name].chunk(3), strict=True))
    text = {"text_model.encoder.layers.0.self_attn.q_proj.weight": torch.ones(2, 2), "logit_scale": torch.ones(())}
    return renamed | text | {"vision_model.embeddings.position_ids": torch.arange(577)[None]}


@pytest.fixture(params=EXTRACTORS)
def tiny(request, tmp_path, monkeypatch):
    """A tiny network's public weights in a file: (module, function, width, path); no address can be reached."""
    module, function, width = EXTRACTORS[request.param]
    monkeypatch.setenv("GANEXP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    projection = {"projection": width} if request.param == "clip" else {}
    small = partial(module.TRANSFORMER.architecture, **TINY, **projection)
    nowhere = Remote("w.pth", urls=("http://127.0.0.1:1/w.pth",), sha256="00")
    monkeypatch.setattr(module, "TRANSFORMER", replace(module.TRANSFORMER, architecture=small, weights=nowhere))
    weights = fill(module.TRANSFORMER.architecture()).float().state_dict()
    path = tmp_path / "tiny.pth"
    mask = {"mask_token": torch.zeros(1, 12)}
    torch.save(public_clip(weights) if request.param == "clip" else weights | mask, path)
    return module, function, width, path


@pytest.mark.parametrize("side", [9, 24, 56])
def test_images_are_resized_as_by_pillow(side):
    picture = images(20, 24)
    resized = resize_like_pillow(picture.float(), side)[0].permute(1, 2, 0).numpy()
    pillow = np.asarray(
        Image.fromarray(picture[0].permute(1, 2, 0).numpy()).resize((side, side), Image.Resampling.BICUBIC)
    )
    assert np.abs(resized - pillow).max() <= 1
    assert (resized != pillow).mean() < 0.01


def test_the_central_square_is_that_of_the_paper():
    picture = images(5, 8)
    assert torch.equal(central_square(picture), picture[..., 1:6])
    assert torch.equal(central_square(picture.mT), picture.mT[..., 1:6, :])


def test_features_are_those_of_the_network_with_the_files_weights(tiny):
    module, function, width, path = tiny
    extractor = function(real(), CPU, weights=str(path))
    features = extractor(images(8, 10))["features"]
    expected = fill(module.TRANSFORMER.architecture()).float()
    loaded, filled = extractor.network.state_dict(), expected.state_dict()
    assert loaded.keys() == filled.keys()
    assert all(torch.equal(loaded[name], filled[name]) for name in filled)
    assert features.shape == (2, width)
    assert not features.requires_grad
    if module is clip_module:
        torch.testing.assert_close(features.norm(dim=1), torch.ones(2))
    assert extractor.description["weights"] == hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def test_grey_images_are_repeated_and_other_channels_are_refused(tiny):
    _, function, _, path = tiny
    grey, colour = function(real(1), CPU, weights=str(path)), function(real(), CPU, weights=str(path))
    batch = images(8, 8, 1)
    torch.testing.assert_close(grey(batch), colour(batch.expand(-1, 3, -1, -1)))
    assert grey.fingerprint != colour.fingerprint
    assert "use metric=modes" in complaint(function, real(2), CPU, weights=str(path))


def test_the_weights_are_downloaded_once_and_checked(tiny, tmp_path, monkeypatch):
    module, function, _, path = tiny
    data = path.read_bytes()
    with serving(tmp_path / "served") as (served, address, asked):
        checksum = hashlib.sha256(data).hexdigest()
        public = Remote("w.pth", urls=(f"{address}w.pth",), sha256=checksum)
        monkeypatch.setattr(module, "TRANSFORMER", replace(module.TRANSFORMER, weights=public))
        (served / "w.pth").write_bytes(b"<html>moved</html>")
        assert "has the wrong checksum" in complaint(function, real(), CPU)
        (served / "w.pth").write_bytes(data)
        downloaded = function(real(), CPU)
        assert function(real(), CPU, download=False).description == downloaded.description
        assert len(asked) == 2


def test_without_a_network_every_way_out_is_named(tiny):
    _, function, _, _ = tiny
    message = complaint(function, real(), CPU)
    name = function.__name__
    for part in ("refused", "w.pth", "by hand", f"extractor.{name}.weights=FILE", "metric=[fid,kid]"):
        assert part in message


OTHER_WEIGHTS = ({}, {"a": torch.ones(2)}, {"vision_model.encoder.layers.0.self_attn.q_proj.bias": torch.ones(2)})


@pytest.mark.parametrize("content", OTHER_WEIGHTS, ids=["none", "another name", "queries alone"])
def test_weights_of_another_network_are_refused(tiny, tmp_path, content):
    _, function, _, _ = tiny
    torch.save(content, tmp_path / "other.pth")
    assert "weights of another network" in complaint(function, real(), CPU, weights=str(tmp_path / "other.pth"))


def test_public_names_are_those_of_the_files():
    assert rename("vision_model.encoder.layers.11.layer_norm1.bias") == "blocks.11.norm1.bias"
    assert rename("vision_model.pre_layrnorm.weight") == "norm_pre.weight"
    assert rename("vision_model.embeddings.patch_embedding.weight") == "patch_embed.proj.weight"
    assert rename("visual_projection.weight") == "projection.weight"


def test_full_networks_have_the_authors_sizes():
    with torch.device("meta"):
        networks = [module.TRANSFORMER.architecture() for module, *_ in EXTRACTORS.values()]
    # DINOv2's without the mask token; CLIP's image encoder with its projection.
    assert [sum(p.numel() for p in network.parameters()) for network in networks] == [304_367_616, 304_293_888]
    assert networks[0](torch.empty(1, 3, 224, 224, device="meta")).shape == (1, 1024)
    assert networks[1](torch.empty(1, 3, 336, 336, device="meta")).shape == (1, 768)


@pytest.mark.parametrize(("metric", "extractor"), [("[fid_dinov2,kid_dinov2]", "dinov2"), ("cmmd", "clip")])
def test_evaluate_has_the_extractor(tmp_path, metric, extractor):
    weights = f"extractor.{extractor}.weights={tmp_path / 'absent.pth'}"
    config = composition.compose("evaluate", [f"metric={metric}", weights])
    measurements = [one for one in build(config.metric).values() if one is not None]
    message = complaint(build_extractors, measurements, build(config.extractor), real(), CPU)
    assert "absent.pth cannot be read" in message
