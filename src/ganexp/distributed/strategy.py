"""Data parallel training whose gradients the game averages itself, once a turn."""

from lightning.pytorch.strategies import DDPStrategy

from ganexp.distributed import collectives


class AlternatingDDP(DDPStrategy):
    """One process a device, without torch's DistributedDataParallel around the module.

    That wrapper expects one loss over all parameters; players take turns, each with its own. It is exact too, if told
    to look for unused parameters, but reduces at each part of an accumulated batch, and leaves the statistics of
    batch normalization different on each rank.
    """

    def configure_ddp(self) -> None:
        """Let all ranks begin with the first one's parameters."""
        assert self.model is not None
        collectives.broadcast_from_first(list(self.model.parameters()))
