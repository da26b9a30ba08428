"""metrics.csv: rows and columns are added, never lost or doubled."""

import csv

from ganexp.loggers.metrics_csv import MetricsCSV


def rows(folder):
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_rows_are_appended_in_order(tmp_path):
    logger = MetricsCSV(str(tmp_path))
    logger.log_metrics({"loss": 1.5}, step=10)
    logger.log_metrics({"loss": 0.25}, step=20)
    assert rows(tmp_path) == [{"images": "10", "loss": "1.5"}, {"images": "20", "loss": "0.25"}]


def test_a_new_figure_adds_a_column_and_leaves_the_old_rows(tmp_path):
    logger = MetricsCSV(str(tmp_path))
    logger.log_metrics({"loss": 1.0}, step=10)
    logger.log_metrics({"score": 2.0}, step=20)
    assert rows(tmp_path) == [
        {"images": "10", "loss": "1.0", "score": ""},
        {"images": "20", "loss": "", "score": "2.0"},
    ]


def test_figures_of_one_number_of_images_share_a_row(tmp_path):
    logger = MetricsCSV(str(tmp_path))
    logger.log_metrics({"loss": 1.0}, step=10)
    logger.log_metrics({"score": 2.0}, step=10)
    assert rows(tmp_path) == [{"images": "10", "loss": "1.0", "score": "2.0"}]


def test_a_resumed_run_continues_the_columns_and_doubles_no_row(tmp_path):
    first = MetricsCSV(str(tmp_path))
    for step in (10, 20, 30):
        first.log_metrics({"loss": 1.0, "score": 2.0}, step=step)
    resumed = MetricsCSV(str(tmp_path))
    resumed.forget_after(20)
    resumed.log_metrics({"score": 3.0, "loss": 0.5}, step=30)
    assert [row["images"] for row in rows(tmp_path)] == ["10", "20", "30"]
    assert rows(tmp_path)[-1] == {"images": "30", "loss": "0.5", "score": "3.0"}


def test_forgetting_where_nothing_was_written_makes_no_file(tmp_path):
    MetricsCSV(str(tmp_path)).forget_after(10)
    assert list(tmp_path.iterdir()) == []


def test_a_line_cut_short_by_a_crash_is_dropped_on_resume(tmp_path):
    MetricsCSV(str(tmp_path)).log_metrics({"loss": 1.0, "score": 2.0}, step=10)
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write("2")
    MetricsCSV(str(tmp_path)).forget_after(100)
    assert [row["images"] for row in rows(tmp_path)] == ["10"]
