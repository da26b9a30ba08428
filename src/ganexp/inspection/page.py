"""Page of an inspection: problems with thumbnails, statistics and contact sheets in one file."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ganexp.data.picture_set import PictureSet
from ganexp.data.problems import Problem
from ganexp.files.pictures import open_picture
from ganexp.files.templates import template
from ganexp.inspection.inspect import SAMPLES, Inspection
from ganexp.inspection.thumbnails import SHEET_SIDE, data_uri, thumbnails_by_name
from ganexp.terminal.text import printable

TEMPLATES = Path(__file__).with_name("templates")
SHOWN = 12
CLASSES_SHOWN = 20
SIZES_SHOWN = 12

Facts = Sequence[tuple[str, str]]


def render(
    name: str,
    inspections: Sequence[tuple[Inspection, Facts]],
    problems: Sequence[Problem],
    picture_sets: Sequence[tuple[str, PictureSet]],
    sheets: Mapping[str, Path],
) -> str:
    """Return the page; each inspection comes with its statistics as (heading, text), each set with its names' prefix.

    Raises UserError if jinja2 is not installed.
    """
    page = template(TEMPLATES, "inspect.html")
    thumbnails = thumbnails_by_name(picture_sets, wanted_names(problems))
    text: str = page.render(
        name=printable(name),
        style=(TEMPLATES / "inspect.css").read_text("utf-8"),
        problems=[problem_details(problem, thumbnails) for problem in problems],
        sets=[set_details(inspection, facts) for inspection, facts in inspections],
        sheets=[{"name": printable(title), "source": sheet_source(path)} for title, path in sheets.items()],
        samples=SAMPLES,
    )
    return text


def wanted_names(problems: Sequence[Problem]) -> Iterator[str]:
    """Yield the names of the pictures that the page shows, if they are pictures."""
    for problem in problems:
        for names in pictures_of(problem)[:SHOWN]:
            yield from names


def pictures_of(problem: Problem) -> Sequence[tuple[str, ...]]:
    """Return the names of the pictures of each place that has the problem."""
    return problem.pictures or [(place,) for place in problem.where[:SHOWN]]


def problem_details(problem: Problem, thumbnails: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """Return what the page shows of a problem: a dozen places, with their pictures where there are some."""
    figures, names = [], []
    for place, pictures in zip(problem.where[:SHOWN], pictures_of(problem), strict=False):
        sources = [source for name in pictures for source in thumbnails.get(name, ())]
        if sources:
            figures.append({"caption": printable(place), "sources": sources})
        else:
            names.append(printable(place))
    more = len(problem.where) - SHOWN
    return {
        "what": printable(problem.what),
        "fix": printable(problem.fix),
        "count": f"{len(problem.where):,}" if problem.where else "",
        "figures": figures,
        "names": names,
        "side_by_side": any(len(figure["sources"]) > 1 for figure in figures),
        "more": f"{more:,}" if more > 0 else "",
    }


def set_details(inspection: Inspection, facts: Facts) -> dict[str, Any]:
    """Return what the page shows of a set of pictures: its statistics, and its classes and sizes as bars."""
    charts = [
        *class_chart(inspection.classes),
        *size_chart(inspection.sizes),
    ]
    return {
        "name": printable(inspection.name),
        "facts": [(heading, printable(text)) for heading, text in facts],
        "charts": charts,
    }


def class_chart(counts: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    """Yield the pictures per class as bars, of many classes the largest and the smallest ones."""
    if counts:
        ordered = sorted(counts.items(), key=lambda item: -item[1])
        half = CLASSES_SHOWN // 2
        shown = list(counts.items()) if len(ordered) <= CLASSES_SHOWN else [*ordered[:half], *ordered[-half:]]
        left_out = len(counts) - len(shown)
        note = f"the {half} largest and the {half} smallest of {len(counts):,} classes" if left_out else ""
        yield chart("Images per class", shown, note)


def size_chart(sizes: Counter[tuple[int, int]]) -> Iterator[dict[str, Any]]:
    """Yield the most frequent sizes as bars, where there are several."""
    if len(sizes) > 1:
        common = [(f"{width}x{height}", number) for (width, height), number in sizes.most_common(SIZES_SHOWN)]
        others = len(sizes) - len(common)
        yield chart("Images per size", common, f"and {others:,} further sizes" if others else "")


def chart(title: str, counts: Sequence[tuple[str, int]], note: str) -> dict[str, Any]:
    """Return a chart of horizontal bars, whose longest has the whole width."""
    largest = max(1, *(number for _, number in counts))
    bars = [
        {"label": printable(label), "count": f"{number:,}", "percent": f"{100 * number / largest:.1f}"}
        for label, number in counts
    ]
    return {"title": title, "bars": bars, "note": note}


def sheet_source(path: Path) -> str:
    """Return a contact sheet as a data URI."""
    with open_picture(path) as sheet:
        return data_uri(sheet, SHEET_SIDE)
