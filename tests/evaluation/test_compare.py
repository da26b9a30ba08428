"""compare as a user runs it."""

import subprocess
import sys

import pytest

from support.synthetic import write_run, write_seeds

pytest.importorskip("jinja2", reason="jinja2 is not installed: pip install 'ganexp[report]'")


def test_two_commands_and_one_page(ganexp, here):
    write_seeds(here / "sweep", [3.0, 4.0, 5.0], "hinge", pictures=2)
    write_seeds(here / "sweep", [13.0, 14.5, 15.0], "lsgan", pictures=2)
    outcome = ganexp("compare", "sweep")
    assert (outcome.status, outcome.err) == (0, "")
    assert "fid_classifier (lower is better) at 300 images" in outcome.out
    assert "worse" in outcome.out
    names = sorted(path.name for path in (here / "comparison").iterdir())
    assert names == ["compare.csv", "compare.md", "compare.tex", "report.html"]
    assert (
        "loss=hinge</strong> has the best mean fid_classifier of 3 seeds"
        in (here / "comparison" / names[3]).read_text()
    )


def test_runs_of_a_sweep_are_places_and_no_settings(ganexp, here):
    write_run(here / "loss=hinge,lr=0.1")
    assert ganexp("compare", "loss=hinge,lr=0.1", "out=o").status == 0
    assert (here / "o" / "report.html").exists()


def test_what_is_left_out_is_said(ganexp, here):
    write_run(here / "a")
    write_run(here / "b", scores=(9.0,), seed=1, status="running", budget=300)
    (here / "a" / "metrics.csv").open("a").write("400\n")
    outcome = ganexp("compare", "a", "b", "*")
    assert outcome.status == 0
    said = " ".join(outcome.out.split())
    assert "b: not ranked: running; last scored at 100 of 300 images" in said
    assert "a: metrics.csv: left out line 5: 1 of 5 values" in said


def test_one_reason_is_told_once_for_all_runs_that_it_holds_for(ganexp, here):
    write_run(here / "a")
    for name in ("b", "c", "d"):
        write_run(here / name, scores=(9.0,), seed=1, status="running", budget=300)
        (here / name / "config.yaml").write_text("- no configuration")
    outcome = ganexp("compare", "a", "b", "c", "d")
    said = " ".join(outcome.out.split())
    assert "b and 2 more: its config.yaml" in said
    assert "c:" not in said


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text elsewhere")
def test_names_that_are_no_text_are_shown_without_what_is_none(ganexp, here):
    write_run(here / "a\udcff\x1b[31mb", scores=(9.0,), status="running", budget=300)
    outcome = ganexp("compare", ".")
    assert outcome.status == 0
    assert "\x1b" not in outcome.out
    assert (here / "comparison" / "report.html").exists()


REFUSED = {
    "": "compare needs the folders of runs",
    "absent": "absent: no such folder; give runs, sweeps or patterns",
    "empty": "no run in empty: a run's folder contains a config.yaml",
    "broken": "no run can be read: broken: its config.yaml cannot be read",
    "run budget=image": "budget=image: no such budget; did you mean images?",
    "run score=kid": "score=kid: no run has it; they have fid_classifier",
    "run at=many": "at=many: ",
    "run at=-5": "at=-5.0: a number above 0 is expected",
}


@pytest.mark.parametrize(("arguments", "answer"), REFUSED.items(), ids=REFUSED)
def test_what_cannot_be_compared_is_refused_in_one_line(ganexp, here, arguments, answer):
    write_run(here / "run")
    (here / "empty").mkdir()
    (here / "broken").mkdir()
    (here / "broken" / "config.yaml").write_text("a: [")
    outcome = ganexp("compare", *arguments.split())
    assert outcome.status == 2
    assert answer in outcome.complaint
    assert not (here / "comparison").exists()


def test_comparing_imports_no_torch(here):
    write_seeds(here, [3.0, 4.0, 5.0])
    program = (
        "import sys; from ganexp.cli import main as cli; status = cli.main(['compare', '.']); "
        "assert not {'torch', 'lightning', 'matplotlib'} & set(sys.modules); sys.exit(status)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
