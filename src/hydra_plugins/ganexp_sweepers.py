"""Where Hydra finds ganexp's sweepers: it takes plugins from this package only, and imports it at every start."""

from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore


class GridSweeper(BasicSweeper):
    """Runs every combination of the axes; names the runs' folders, goes on with a sweep, ends it with a table."""

    def sweep(self, arguments: list[str]) -> Any:
        """Run all jobs.

        Raises UserError for an axis without values, a folder that cannot be used, and runs that failed.
        """
        from ganexp.commands import sweep

        assert self.hydra_context is not None
        assert self.config is not None
        given = [*self._parse_config(), *arguments]
        sweep.require_values(self.hydra_context.config_loader, given)
        with sweep.reported(self.config, arguments) as jobs:
            jobs.extend(super().sweep(arguments))

    def get_job_batch(self) -> list[list[str]]:
        """Return the next jobs' overrides, with the name of each job's folder."""
        from ganexp.commands import sweep

        assert self.config is not None
        return [sweep.named(list(job), self.config) for job in super().get_job_batch()]


ConfigStore.instance().store(
    group="hydra/sweeper",
    name="grid",
    node={"_target_": f"{__name__}.GridSweeper", "max_batch_size": None, "params": {}},
    provider="ganexp",
)
