"""The game of head avatars: what trains which layer, and its terms."""

import pytest
import torch

from config.test_configs import compose
from ganexp.cli import main
from ganexp.config import checks, composition
from ganexp.errors import UserError
from support.avatars import batch, game


def gradient(module, *names):
    """Return the gradients of the pose network's last layer with respect to the chosen terms, by output channel."""
    terms = module.generator_loss(batch())
    module.zero_grad()
    sum(terms[name] for name in names).backward()
    weight = module.generators["a2b"].pose.decoder.output.weight.grad
    return weight[:3].abs().sum(), weight[3:].abs().sum()


def test_only_the_pixel_term_trains_the_low_frequency_layer_and_the_others_the_warping():
    module = game()
    low, warping = gradient(module, "adversarial", "features", "warp")
    assert low == 0
    assert warping > 0
    low, warping = gradient(module, "pixel")
    assert low > 0
    assert warping == 0


def test_the_terms_are_weighted_and_features_can_be_left_out():
    ones = game(adversarial=1.0, pixel=1.0, features=1.0, warp=1.0).generator_loss(batch())
    weighted = game(adversarial=0.5, pixel=10.0, features=3.0, warp=2.0).generator_loss(batch())
    for name, weight in {"adversarial": 0.5, "pixel": 10.0, "features": 3.0, "warp": 2.0}.items():
        assert weighted[name].item() == pytest.approx(weight * ones[name].item(), rel=1e-5)
    assert game(features=0.0).generator_loss(batch()).keys() == {"adversarial", "pixel", "warp"}


def test_the_discriminators_features_are_its_maps_and_the_distance_of_a_picture_from_itself_is_zero():
    module, images = game(), batch()
    maps = module.discriminator.features(images["image"], images["input"])
    assert len(maps) == 3
    last = module.discriminator.network.layers[-1]
    torch.testing.assert_close(last(maps[-1]), module.discriminator(images["image"], images["input"]))
    assert module.feature_distance(images["input"], images["image"], images["image"]) == 0


def test_a_grid_shows_source_driving_landmarks_output_and_target():
    module, images = game().eval(), batch()
    grid = module.grid(images)
    assert grid.shape == (16, 3, 16, 16)
    assert torch.equal(grid[4], images["input"][1, :3])
    assert torch.equal(grid[5, 0], images["input"][1, 4:].amax(0))
    assert torch.equal(grid[7], images["image"][1])


def check(*overrides):
    checks.check(composition.resolve(compose("model=head_avatar", *overrides)))


def test_data_without_landmarks_are_refused_with_what_has_them():
    check("data=puppets")
    for data in ("mosaic", "facades"):
        with pytest.raises(UserError, match=r"the data has none; nearest that works: data=puppets, .* model=pix2pix"):
            check(f"data={data}")


def test_pairs_of_puppets_train_every_paired_model():
    checks.check(composition.resolve(compose("model=pix2pix", "data=puppets")))
    assert compose("data=puppets").data.input_channels == 18
    assert compose("data=puppets", "data.channels=1").data.input_channels == 16


SMALL = [
    "model=head_avatar", "data=puppets", "data.image_size=16", "data.source.people=6", "data.source.frames=2",
    "data.source.test_people=2", "data.batch_size=4", "images=16", "model.generator.width=4",
    "model.generator.max_width=8", "model.discriminator.width=4", "model.discriminator.layers=1", "trainer=cpu",
]  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("avatar") / "run"
    assert main.main([*SMALL, f"run_dir={folder}"]) == 0
    return folder


@pytest.mark.slow
class TestCommands:
    """Commands on a trained run, each in one process with the others."""

    @pytest.fixture
    def puppets(self, ganexp, here):
        assert ganexp("data", "puppets", f"out={here / 'clips'}", "people=2", "frames=3", "image_size=20").status == 0
        return here / "clips" / "0000"

    def drive(self, ganexp, run, puppets, *arguments):
        return ganexp("translate", f"run={run}", f"input={puppets / 'person.png'}", *arguments)

    @pytest.mark.parametrize("suffix", ["gif", "mp4"])
    def test_a_clip_drives_a_picture(self, ganexp, here, run, puppets, suffix):
        if suffix == "mp4":
            pytest.importorskip("imageio_ffmpeg")
        outcome = self.drive(ganexp, run, puppets, f"drive={puppets / 'clip0'}", f"out=a.{suffix}")
        assert outcome.status == 0
        assert "3 frames, 25 in a second; computed at" in outcome.out
        assert (here / f"a.{suffix}").stat().st_size > 100

    def test_landmarks_alone_drive_it_too_and_a_published_model_does_the_same(self, ganexp, here, run, puppets):
        clip = f"drive={puppets / 'clip0' / 'landmarks.npy'}"
        assert ganexp("publish", f"run={run}", f"to={here / 'published'}").status == 0
        for name in (run, here / "published"):
            out = f"out={name.name}.gif"
            assert self.drive(ganexp, name, puppets, clip, out, "alone=true").status == 0
        assert (here / "run.gif").read_bytes() == (here / "published.gif").read_bytes()
        assert "(N, 18, H, W)" in (here / "published" / "README.md").read_text()

    def test_clips_of_files_train_it(self, ganexp, here, puppets):
        data = ["data=head_clips", f"data.root={puppets.parent}", "data.source.landmarks=14", "data.image_size=16"]
        others = [argument for argument in SMALL if not argument.startswith("data")]
        outcome = ganexp(*others, *data, "data.batch_size=4", "metric=none", f"run_dir={here / 'clips-run'}")
        assert outcome.status == 0

    def test_it_resumes_exactly(self, ganexp, run):
        assert ganexp("verify", f"run={run}", "steps=2", "ranks=1").status == 0

    @pytest.mark.parametrize(("arguments", "complaint"), [
        (["drive=nowhere"], "drive=nowhere: does not exist"),
        (["drive={clip}", "input={clip}"], "drive animates one picture"),
        (["drive={clip}", "landmarks=nowhere.npy"], "landmarks=nowhere.npy: is not a file"),
        (["drive={clip}", "landmarks={clip}/landmarks.npy"], "has the landmarks of 3 frames; those of one picture"),
        (["drive={clip}", "out=a.avi"], "the suffix selects the format"),
        ([], "landmarks drive its model"),
    ])  # fmt: skip
    def test_a_mistake_is_one_line(self, ganexp, here, run, puppets, arguments, complaint):
        filled = [argument.format(clip=puppets / "clip0") for argument in arguments]
        out = [] if any(argument.startswith("out=") for argument in filled) else ["out=a.gif"]
        outcome = ganexp("translate", f"run={run}", f"input={puppets / 'person.png'}", *out, *filled)
        assert complaint in outcome.complaint
        assert not (here / "a.gif").is_file()
