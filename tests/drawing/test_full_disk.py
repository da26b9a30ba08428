"""Pictures that do not fit on the disk: the error names the file, and neither a part nor a copy is left."""

import pytest
from matplotlib.figure import Figure
from PIL import Image

from ganexp.analysis.drawing import save_animation, save_figure
from ganexp.drawing.pictures import save
from ganexp.drawing.plots import plot_curves

WRITERS = {
    "picture.png": lambda path: save(Image.new("L", (8, 8)), path),
    "figure.png": lambda path: save_figure(Figure(), path),
    "walk.gif": lambda path: save_animation([Image.new("L", (8, 8), shade) for shade in (0, 9)], path),
    "walk.webp": lambda path: save_animation([Image.new("L", (8, 8), shade) for shade in (0, 9)], path),
    "curves.png": lambda path: plot_curves(path.with_name("metrics.csv"), path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_the_error_names_the_file_and_the_old_one_stays(tmp_path, file_size_limit, name):
    (tmp_path / "metrics.csv").write_text("images,loss/generator/adversarial\n1,2\n2,3\n")
    (tmp_path / name).write_text("old")
    before = sorted(tmp_path.iterdir())
    file_size_limit(40)
    with pytest.raises(OSError, match="File too large") as raised:
        WRITERS[name](tmp_path / name)
    assert raised.value.filename == str(tmp_path / name)
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / name).read_text() == "old"
