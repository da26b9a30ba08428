"""Hydra sweeper plugins of ganexp; Hydra searches this package only, and imports it at every start."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore


class GridSweeper(BasicSweeper):
    """Runs every combination of the axes; names the runs' folders, continues a sweep, ends it with a table."""

    def sweep(self, arguments: list[str]) -> Any:
        """Run all jobs.

        Raises UserError for an axis without values, a folder that cannot be used, and runs that failed.
        """
        from ganexp.sweeps import sweep

        assert self.hydra_context is not None
        assert self.config is not None
        given = [*self._parse_config(), *arguments]
        sweep.require_values(self.hydra_context.config_loader, given)
        with sweep.reported_sweep(self.config, arguments) as ended:
            for jobs in super().sweep(arguments):
                ended.extend(job.return_value for job in jobs)

    def get_job_batch(self) -> list[list[str]]:
        """Return the next jobs' overrides, with the name of each job's folder."""
        from ganexp.sweeps import sweep

        assert self.config is not None
        return [sweep.with_folder_name(list(job), self.config) for job in super().get_job_batch()]


class BayesSweeper(BasicSweeper):
    """Runs trials proposed by Optuna, in a study that can be continued and shared; ends with the same table.

    ``trials`` is the number of trials over all workers, ``max_batch_size`` the number that this one launches at once,
    ``storage`` the database's URL, by default a file in the sweep's folder.
    """

    def __init__(
        self,
        trials: int,
        direction: str,
        seed: int,
        storage: str | None = None,
        max_batch_size: int | None = None,
        params: dict[str, str] | None = None,
    ) -> None:
        super().__init__(max_batch_size, params)
        self.trials = trials
        self.direction = direction
        self.seed = seed
        self.storage = storage

    def sweep(self, arguments: list[str]) -> Any:
        """Run trials until the study has enough.

        Raises UserError for a space or a study that cannot be used, and for runs that failed.
        """
        from ganexp.sweeps import sweep
        from ganexp.sweeps.search import Search, read_space, require_scores

        assert self.hydra_context is not None
        assert self.config is not None
        assert self.launcher is not None
        config, launcher = self.config, self.launcher
        given = [*self._parse_config(), *arguments]
        sweep.require_values(self.hydra_context.config_loader, given)
        space, fixed = read_space(self.hydra_context.config_loader, given)
        require_scores(config, space)
        folder = Path(config.hydra.sweep.dir)
        url = self.storage or f"sqlite:///{folder.resolve()}/study.db"
        pruned = "pruning" in config.callbacks
        search = Search(folder, url, space, fixed, self.trials, self.direction, self.seed, pruned)

        def launch(jobs: Sequence[list[str]], first: int) -> list[Any]:
            batch = [sweep.with_folder_name(job, config) for job in jobs]
            self.validate_batch_is_legal(batch)
            returned = [job.return_value for job in launcher.launch(batch, initial_job_idx=first)]
            ended.extend(returned)
            return returned

        with sweep.reported_sweep(config, arguments) as ended:
            search.run(launch, self.max_batch_size or 1)


ConfigStore.instance().store(
    group="hydra/sweeper",
    name="grid",
    node={"_target_": f"{__name__}.GridSweeper", "max_batch_size": None, "params": {}},
    provider="ganexp",
)
