"""Optuna study of a Bayesian search, in a database that several processes share."""

from typing import Any

from ganexp.errors import UserError

NAME = "ganexp"
WAIT_SECONDS = 60
"""The longest time that one process waits for another to finish writing to SQLite."""


def require_optuna() -> Any:
    """Return the optuna module, with logging of warnings only.

    Raises UserError if it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise UserError("a Bayesian search needs Optuna: pip install 'ganexp[sweeps]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def storage(url: str) -> Any:
    """Return the database at ``url``, such as sqlite:///study.db."""
    arguments = {"connect_args": {"timeout": WAIT_SECONDS}} if url.startswith("sqlite") else {}
    return require_optuna().storages.RDBStorage(url, engine_kwargs=arguments)


def create(url: str, direction: str) -> Any:
    """Return the study at ``url``, created if there is none; ``direction`` is minimize or maximize."""
    return require_optuna().create_study(
        storage=storage(url), study_name=NAME, direction=direction, load_if_exists=True
    )


def running_trial(url: str, number: int, pruner: Any) -> Any:
    """Return a trial of the study at ``url`` that takes reports, None if it is finished."""
    optuna = require_optuna()
    study = optuna.load_study(storage=storage(url), study_name=NAME, pruner=pruner)
    trial = study.get_trials(deepcopy=False)[number]
    return None if trial.state.is_finished() else optuna.trial.Trial(study, trial._trial_id)
