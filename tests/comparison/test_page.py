"""report.html as text: whole, small, and nothing in it but what we wrote can run."""

import base64
import hashlib
import json
import re

import pytest

from ganexp.comparison import thumbnails
from ganexp.comparison.by_settings import independent_settings
from ganexp.comparison.comparison import compare
from ganexp.comparison.finding import find_runs
from ganexp.comparison.groups import Experiment
from ganexp.comparison.page import render
from ganexp.records import summary
from support.synthetic import write_run, write_seeds

pytest.importorskip("jinja2", reason="jinja2 is not installed: pip install 'ganexp[report]'")

EVIL = '<script>window.evil=1</script><img src=x onerror="window.evil=1">\'"&'


def page(folder):
    comparison = compare(find_runs([str(folder)]), None, "images", None)
    return render(comparison, comparison.remarks)


def data_of(text):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1])


def test_the_page_needs_nothing_from_elsewhere_and_runs_only_its_own_script(tmp_path):
    write_seeds(tmp_path, [3.0, 4.0], pictures=3)
    text = page(tmp_path)
    written = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    assert all(link.startswith(("#", "data:")) for link in re.findall(r'(?:src|href)="([^"]*)"', written))
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert "default-src 'none'; img-src data:" in text
    assert f"script-src 'sha256-{digest}'\"" in text


def test_html_in_names_notes_and_logs_is_text(tmp_path):
    logger = {"wandb": {"notes": EVIL}}
    evil = "</script>" + EVIL.replace("/", "")
    write_run(tmp_path / evil.replace("/", ""), logger=logger, log=f"x doctor: {EVIL}\n", optimizer={"lr": EVIL})
    other = write_run(tmp_path / "other", loss="lsgan")
    (other / "summary.json").write_text(json.dumps({"status": EVIL, "command": EVIL, "device": EVIL, "started": EVIL}))
    text = page(tmp_path)
    own = re.sub(
        r'<script type="application/json" id="data">.*?</script>|<script>.*?</script>', "", text, flags=re.DOTALL
    )
    assert "<script" not in own
    assert "<img" not in own
    assert own.count("&lt;script&gt;window.evil=1") >= 5
    # The data hold the name as it is, and no end of their own element.
    assert any("<script>" in name for name in data_of(text)["experiments"])


def test_curves_and_grids_are_those_of_the_runs(tmp_path):
    write_seeds(tmp_path, [3.0, 4.0, 9.0], pictures=3)
    data = data_of(page(tmp_path))
    assert [run["curves"]["score/fid_classifier"] for run in data["runs"]][1] == [[100, 200, 300], [20, 15, 4]]
    assert data["runs"][0]["imagesPerUpdate"] == 20
    assert data["runs"][0]["clock"] == [[0, 100, 200, 300], [0, 2, 4, 6]]
    assert not [name for name in data["runs"][0]["curves"] if name.startswith("time/")]
    (grid,) = data["grids"]
    assert grid["seed"] == "1"  # of the middle score
    assert [images for images, _ in grid["frames"]] == [0, 150, 300]


def test_settings_that_differ_are_marked_and_told_in_full(tmp_path):
    write_run(tmp_path / "a", loss="hinge")
    write_run(tmp_path / "b", loss="lsgan")
    text = page(tmp_path)
    assert '<td class="differs">≠ ganexp.losses.Lsgan</td>' in text
    assert "<td>ganexp.losses.Hinge</td>" in text
    assert "python -m ganexp loss=lsgan seed=0 images=300" in text


def test_headings_may_break_at_their_dots_so_that_scores_stay_in_view(tmp_path):
    write_run(tmp_path / "a", model={"generator": {"width": 8}})
    write_run(tmp_path / "b", model={"generator": {"width": 16}})
    headings = re.findall(r'<button type="button">(.*?)<span', page(tmp_path))
    assert "model.<wbr>generator.<wbr>width<wbr>" in headings


def test_pictures_that_are_too_many_or_broken_are_fewer(tmp_path):
    runs = [write_run(tmp_path / name, pictures=8) for name in "ab"]
    all_of_them = thumbnails.frames_by_run(runs)
    size = sum(len(frame.source) for each in all_of_them for frame in each)
    fewer = thumbnails.frames_by_run(runs, size // 2)
    assert 0 < len(fewer[0]) < len(all_of_them[0])
    assert fewer[0][-1].images == 300
    assert thumbnails.frames_by_run(runs, 10) == [[], []]
    (runs[0] / "samples" / "00000300.png").write_bytes(b"broken")
    assert thumbnails.frames_by_run(runs)[0][-1].images < 300


@pytest.mark.parametrize("scores", [(), (1.0,)])
def test_a_page_of_one_run_is_a_page(tmp_path, scores):
    write_run(tmp_path / "a", scores=scores)
    text = page(tmp_path)
    assert "model=dcgan_small, data=digits" in text
    assert "All runs have the same settings" in text


def write_two_settings(folder):
    for loss, width, value in (("hinge", 8, 3.0), ("hinge", 16, 5.0), ("lsgan", 8, 9.0)):
        for seed in (0, 1):
            run = folder / f"{loss}_{width}_{seed}"
            write_run(run, scores=(20.0, value + 2 * seed), seed=seed, loss=loss, network={"width": width})
    write_run(folder / "stopped", scores=(), loss="lsgan", network={"width": 16}, status="stopped", budget=200)
    for seed in (0, 1):
        (folder / f"refused_{seed}").mkdir()
        overrides = ["loss=minimax", "+network.width=8", f"seed={seed}", "data=digits"]
        summary.update(folder / f"refused_{seed}", status="refused", reason="no", overrides=overrides)


def test_where_two_settings_vary_each_pair_has_its_mean_and_spread_or_the_reason_for_none(tmp_path):
    write_two_settings(tmp_path)
    by_settings = data_of(page(tmp_path))["bySettings"]
    assert by_settings["names"] == ["loss", "network.width"]
    cells = {tuple(cell["settings"].values()): cell for cell in by_settings["experiments"]}
    hinge = cells["hinge", "8"]
    assert (hinge["mean"], hinge["deviation"], hinge["seeds"], hinge["why"]) == (4.0, pytest.approx(2**0.5), 2, None)
    assert (cells["lsgan", "16"]["mean"], cells["lsgan", "16"]["why"]) == (None, "stopped; it has no fid_classifier")
    # Once for both seeds, and without the override that all share.
    assert by_settings["refused"] == [{"settings": {"loss": "minimax", "network.width": "8"}, "why": "refused: no"}]


def test_where_one_setting_varies_there_is_no_map(tmp_path):
    write_seeds(tmp_path, [3.0], "hinge")
    write_seeds(tmp_path, [4.0], "lsgan")
    text = page(tmp_path)
    assert data_of(text)["bySettings"] is None
    assert 'id="by-settings"' not in text


@pytest.mark.parametrize("overrides", [None, 3, [3, None, "loss"], "loss=hinge"])
def test_a_damaged_summary_of_a_refused_run_is_no_cell(tmp_path, overrides):
    write_two_settings(tmp_path)
    for seed in (0, 1):
        summary.update(tmp_path / f"refused_{seed}", overrides=overrides)
    assert data_of(page(tmp_path))["bySettings"]["refused"] == []


def test_a_long_list_of_names_is_folded(tmp_path):
    for width in range(10):
        write_run(tmp_path / str(width), scores=(10.0 + width,), network={"width": width})
    text = page(tmp_path)
    assert "<summary>too few seeds: 9 experiments</summary>" in text
    assert "<b>too few seeds:</b>" not in text


def experiments_with(*settings):
    return [Experiment([], values) for values in settings]


def test_a_setting_that_follows_from_another_is_no_axis_of_its_own():
    recipes = experiments_with(
        {"model": "dcgan", "experiment": "a"},
        {"model": "wgan", "experiment": "b"},
        {"model": "dcgan", "experiment": "c"},
    )
    assert independent_settings(recipes) == ["experiment"]
    search = experiments_with(
        {"loss": "hinge", "lr": "0.1"}, {"loss": "hinge", "lr": "0.2"}, {"loss": "lsgan", "lr": "0.3"}
    )
    assert independent_settings(search) == ["loss", "lr"]
    grid = experiments_with(*({"loss": loss, "width": width} for loss in "ab" for width in "12"))
    assert independent_settings(grid) == ["loss", "width"]
