"""A Bayesian search: Optuna proposes trials, the launcher runs them, their scores are told to the study."""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override

from ganexp.errors import UserError
from ganexp.records import study, summary
from ganexp.sweeps.status import Outcome

Space = Mapping[str, Any]
Launch = Callable[[Sequence[list[str]], int], list[Outcome | None]]
STORAGE, TRIAL = "callbacks.pruning.storage", "callbacks.pruning.trial"


def read_space(loader: Any, overrides: Sequence[str]) -> tuple[Space, list[str]]:
    """Return the space that the overrides span, as Optuna's distributions, and the overrides that all trials share.

    Raises UserError if they span none.
    """
    parsed = {
        each.get_key_element(): each
        for each in OverridesParser.create(config_loader=loader).parse_overrides(list(overrides))
    }
    space = {key: distribution(each) for key, each in parsed.items() if each.is_sweep_override()}
    if not space:
        raise UserError("a search needs something to choose: KEY=choice(A,B) or 'KEY=tag(log,interval(LOW,HIGH))'")
    fixed = [f"{key}={each.get_value_element_as_str()}" for key, each in parsed.items() if key not in space]
    return space, fixed


def distribution(override: Override) -> Any:
    """Return what an axis may be: any number of an interval, or one of a list."""
    optuna = study.require_optuna()
    value = override.value()
    if not isinstance(value, IntervalSweep):
        return optuna.distributions.CategoricalDistribution([*override.sweep_string_iterator()])
    whole = {type(value.start), type(value.end)} == {int}
    kind = optuna.distributions.IntDistribution if whole else optuna.distributions.FloatDistribution
    try:
        return kind(value.start, value.end, log="log" in value.tags)
    except ValueError as error:
        raise UserError(f"{override.input_line}: {error}") from error


@dataclass(frozen=True)
class Search:
    """A study of at most ``trials`` trials, all workers' together, in a sweep's ``folder``.

    Trial n is proposed from the trials before it and ``seed`` + n, so that a search by one worker can be repeated.
    """

    folder: Path
    url: str
    space: Space
    fixed: Sequence[str]
    trials: int
    direction: str
    seed: int
    pruned: bool

    def run(self, launch: Launch, at_once: int) -> None:
        """Go on with the trials that were left behind, then propose new ones; stop when a signal stops a run.

        Raises UserError where the scores or the study do not fit the search.
        """
        optuna = study.require_optuna()
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.lock():
            known = study.create(self.url, self.direction)
        if known.direction.name.lower() != self.direction:
            raise UserError(f"hydra.sweeper.direction={self.direction}: the study is to {known.direction.name.lower()}")
        begun = known.get_trials(deepcopy=False, states=[optuna.trial.TrialState.RUNNING])
        count = len(known.get_trials(deepcopy=False))
        print(
            f"search: {count} of {self.trials} trials are there; to help, start the same command with "
            f"sweep_dir={self.folder}",
            file=sys.stderr,
        )
        batch, first = {trial.number: trial.params for trial in begun} or self.propose(known, at_once), 0
        while batch:
            ended = launch([self.overrides(number, chosen) for number, chosen in batch.items()], first)
            for number, outcome in zip(batch, ended, strict=True):
                self.tell(known, number, outcome)
            if any(outcome is None or outcome.status == summary.STOPPED for outcome in ended):
                return
            first += len(batch)
            batch = self.propose(known, at_once)

    def lock(self) -> FileLock:
        """Return what keeps two workers from beginning a study, or proposing a trial, at once."""
        return FileLock(self.folder / "study.lock")

    def propose(self, known: Any, at_once: int) -> dict[int, dict[str, Any]]:
        """Return the choices of the next trials by their numbers, none if there are enough.

        Raises UserError if the study was begun with another space.
        """
        optuna = study.require_optuna()
        batch = {}
        with self.lock():
            for number in range(len(known.get_trials(deepcopy=False)), self.trials)[:at_once]:
                known.sampler = optuna.samplers.TPESampler(seed=self.seed + number, constant_liar=True)
                try:
                    trial = known.ask(dict(self.space))
                except ValueError as error:
                    raise UserError(f"{self.url} holds a search of another space ({error}): choose another") from error
                batch[trial.number] = trial.params
        return batch

    def overrides(self, number: int, chosen: Mapping[str, Any]) -> list[str]:
        """Return a trial as overrides."""
        reports = [f"{STORAGE}='{self.url}'", f"{TRIAL}={number}"] if self.pruned else []
        return [*self.fixed, *(f"{key}={value}" for key, value in chosen.items()), *reports]

    def tell(self, known: Any, number: int, outcome: Outcome | None) -> None:
        """Tell the study how a trial ended, unless it goes on, here later or in another process.

        Raises UserError if it ended without a score, or with one that the search's direction does not fit.
        """
        state = study.require_optuna().trial.TrialState
        if outcome is None or outcome.status in (summary.STOPPED, summary.RUNNING):
            return
        if outcome.status == summary.PRUNED:
            known.tell(number, state=state.PRUNED, skip_if_finished=True)
        elif outcome.status != summary.FINISHED:
            known.tell(number, state=state.FAIL, skip_if_finished=True)
        elif outcome.score is None:
            raise UserError("a search needs a score to go by: choose a metric, such as metric=fid_classifier")
        elif outcome.score["higher_is_better"] != (self.direction == "maximize"):
            other = "maximize" if self.direction == "minimize" else "minimize"
            raise UserError(
                f"hydra.sweeper.direction={self.direction} is wrong for {outcome.score['name']}: choose {other}"
            )
        elif math.isfinite(outcome.score["value"]):
            known.tell(number, outcome.score["value"], skip_if_finished=True)
        else:
            known.tell(number, state=state.FAIL, skip_if_finished=True)
