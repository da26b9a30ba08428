"""Bayesian search: Optuna proposes trials, the launcher runs them, the study receives their scores."""

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
NO_SCORE = "a search needs a score to go by: choose a metric, such as metric=fid_classifier"
STORAGE, TRIAL = "callbacks.pruning.storage", "callbacks.pruning.trial"


def read_space(loader: Any, overrides: Sequence[str]) -> tuple[Space, list[str]]:
    """Return the search space of the overrides as Optuna distributions, and the overrides that all trials share.

    Raises UserError if the space is empty.
    """
    parsed = {
        override.get_key_element(): override
        for override in OverridesParser.create(config_loader=loader).parse_overrides(list(overrides))
    }
    space = {key: distribution(override) for key, override in parsed.items() if override.is_sweep_override()}
    if not space:
        raise UserError("a search needs something to choose: KEY=choice(A,B) or 'KEY=tag(log,interval(LOW,HIGH))'")
    fixed = [f"{key}={override.get_value_element_as_str()}" for key, override in parsed.items() if key not in space]
    return space, fixed


def require_scores(config: Mapping[str, Any], space: Space) -> None:
    """Raise UserError, before the first trial, for a configuration without metrics, unless trials choose them."""
    if not any(config.get("metric", {}).values()) and not any(key.partition(".")[0] == "metric" for key in space):
        raise UserError(NO_SCORE)


def distribution(override: Override) -> Any:
    """Return the distribution of one axis: numeric for an interval, categorical for a list."""
    optuna = study.require_optuna()
    value = override.value()
    if not isinstance(value, IntervalSweep):
        return optuna.distributions.CategoricalDistribution([*override.sweep_string_iterator()])
    is_integer = {type(value.start), type(value.end)} == {int}
    kind = optuna.distributions.IntDistribution if is_integer else optuna.distributions.FloatDistribution
    try:
        return kind(value.start, value.end, log="log" in value.tags)
    except ValueError as error:
        raise UserError(f"{override.input_line}: {error}") from error


@dataclass(frozen=True)
class Search:
    """A study of at most ``trials`` trials over all workers, in a sweep's ``folder``.

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

    def run(self, launch: Launch, batch_size: int) -> None:
        """Continue unfinished trials, then propose new ones; stop when a signal stops a run.

        Raises UserError where the scores or the study do not fit the search.
        """
        optuna = study.require_optuna()
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.lock():
            optuna_study = study.create(self.url, self.direction)
        if optuna_study.direction.name.lower() != self.direction:
            direction = optuna_study.direction.name.lower()
            raise UserError(f"hydra.sweeper.direction={self.direction}: the study's direction is {direction}")
        running = optuna_study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.RUNNING])
        count = len(optuna_study.get_trials(deepcopy=False))
        print(
            f"search: the study has {count} of {self.trials} trials; to add a worker, start the same command "
            f"with sweep_dir={self.folder}",
            file=sys.stderr,
        )
        batch, first = {trial.number: trial.params for trial in running} or self.propose(optuna_study, batch_size), 0
        while batch:
            outcomes = launch([self.overrides(number, parameters) for number, parameters in batch.items()], first)
            for number, outcome in zip(batch, outcomes, strict=True):
                self.tell(optuna_study, number, outcome)
            if any(outcome is None or outcome.status == summary.STOPPED for outcome in outcomes):
                return
            first += len(batch)
            batch = self.propose(optuna_study, batch_size)

    def lock(self) -> FileLock:
        """Return the lock under which a worker creates the study or proposes trials."""
        return FileLock(self.folder / "study.lock")

    def propose(self, optuna_study: Any, batch_size: int) -> dict[int, dict[str, Any]]:
        """Return the parameters of the next trials by trial number, none once the study has enough.

        Raises UserError if the study was created with another search space.
        """
        optuna = study.require_optuna()
        batch = {}
        with self.lock():
            for number in range(len(optuna_study.get_trials(deepcopy=False)), self.trials)[:batch_size]:
                optuna_study.sampler = optuna.samplers.TPESampler(seed=self.seed + number, constant_liar=True)
                try:
                    trial = optuna_study.ask(dict(self.space))
                except ValueError as error:
                    raise UserError(
                        f"{self.url} holds a search of another space ({error}): choose another storage"
                    ) from error
                batch[trial.number] = trial.params
        return batch

    def overrides(self, number: int, parameters: Mapping[str, Any]) -> list[str]:
        """Return a trial's overrides."""
        reports = [f"{STORAGE}='{self.url}'", f"{TRIAL}={number}"] if self.pruned else []
        return [*self.fixed, *(f"{key}={value}" for key, value in parameters.items()), *reports]

    def tell(self, optuna_study: Any, number: int, outcome: Outcome | None) -> None:
        """Tell the study a trial's outcome, unless the trial continues, later or in another process.

        Raises UserError if the trial has no score, or one that the search's direction does not fit.
        """
        state = study.require_optuna().trial.TrialState
        if outcome is None or outcome.status in (summary.STOPPED, summary.RUNNING):
            return
        if outcome.status == summary.PRUNED:
            optuna_study.tell(number, state=state.PRUNED, skip_if_finished=True)
        elif outcome.status != summary.FINISHED:
            optuna_study.tell(number, state=state.FAIL, skip_if_finished=True)
        elif outcome.score is None:
            raise UserError(NO_SCORE)
        elif outcome.score["higher_is_better"] != (self.direction == "maximize"):
            other = "maximize" if self.direction == "minimize" else "minimize"
            raise UserError(
                f"hydra.sweeper.direction={self.direction} is wrong for {outcome.score['name']}: choose {other}"
            )
        elif math.isfinite(outcome.score["value"]):
            optuna_study.tell(number, outcome.score["value"], skip_if_finished=True)
        else:
            optuna_study.tell(number, state=state.FAIL, skip_if_finished=True)
