import pytest

from ganexp.comparison.comparison import compare
from ganexp.records import summary
from support.synthetic import write_run

FIRST, SECOND = f"content:{'a' * 32}", f"content:{'b' * 32}"


@pytest.fixture
def remarks(tmp_path):
    def of(*versions):
        folders = [write_run(tmp_path / f"run{number}", seed=number) for number in range(len(versions))]
        for folder, version in zip(folders, versions, strict=True):
            summary.update(folder, data=version)
        return [text for text in compare(folders, None, "images", None).remarks if "different images" in text]

    return of


def test_runs_on_other_images_of_the_same_name_are_marked(remarks, tmp_path):
    assert remarks(FIRST, SECOND, FIRST) == [
        f"the same data settings, but different images: {FIRST} ({tmp_path}/run0, {tmp_path}/run2), "
        f"{SECOND} ({tmp_path}/run1)"
    ]


@pytest.mark.parametrize("other", [FIRST, f"files:{'b' * 32}", None, "\x1b[31m", 7])
def test_the_same_data_and_what_cannot_be_compared_are_not_marked(remarks, other):
    assert remarks(FIRST, other) == []
