"""Controls of the demo for what a generator is conditioned on: a class, or attributes."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ganexp.analysis.subject import Subject
from ganexp.demo.draw import Label

OWN = "its own"


@dataclass(frozen=True)
class Condition:
    """Controls, and the label of all samples as a function of their values."""

    controls: list[Any]
    label: Callable[..., Label]


def condition(gr: Any, subject: Subject, names: Sequence[str] | None) -> Condition:
    """Return the controls of a subject, whose classes or attributes have these ``names``; none without either."""
    if subject.codes is not None:
        return of_classes(gr, named_choices(subject.codes.categories, None), "category")
    if subject.num_classes is None:
        return Condition([], lambda: None)
    choices = named_choices(subject.num_classes, names)
    return of_classes(gr, choices) if subject.attributes is None else of_attributes(gr, choices)


def of_classes(gr: Any, choices: list[tuple[str, str]], title: str = "class") -> Condition:
    """Return a menu of the classes, or of the categories of codes."""
    menu = gr.Dropdown([(OWN, OWN), *choices], value=OWN, label=title)
    return Condition([menu], lambda chosen: None if chosen == OWN else int(chosen))


def of_attributes(gr: Any, choices: list[tuple[str, str]]) -> Condition:
    """Return a checkbox for each attribute, and one for the attributes of training images."""
    own = gr.Checkbox(value=True, label="its own attributes", info="those of a training image")
    boxes = gr.CheckboxGroup(choices, label="attributes", elem_id="attributes")
    boxes.input(lambda: False, None, own, show_progress="hidden")
    return Condition([own, boxes], lambda own, ticked: None if own else [int(value in ticked) for _, value in choices])


def named_choices(number: int, names: Sequence[str] | None) -> list[tuple[str, str]]:
    """Return what is shown of each class and its number: its name, with the number where several have the name."""
    numbers = [str(value) for value in range(number)]
    if names is None or len(names) != number:
        return list(zip(numbers, numbers, strict=True))
    counts = Counter(names)
    shown = [f"{name} ({value})" if counts[name] > 1 else name for name, value in zip(names, numbers, strict=True)]
    return list(zip(shown, numbers, strict=True))
