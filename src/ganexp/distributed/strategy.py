"""Data-parallel strategy in which the game averages gradients itself, once per turn."""

from lightning.pytorch.strategies import DDPStrategy

from ganexp.distributed import collectives


class AlternatingDDP(DDPStrategy):
    """One process per device, without torch's DistributedDataParallel around the module.

    That wrapper expects one loss over all parameters; here players take turns, each with a loss of its own. With
    ``find_unused_parameters`` it is exact too, but reduces after every part of an accumulated batch and leaves the
    running statistics of batch normalization different on each rank.
    """

    def configure_ddp(self) -> None:
        """Broadcast rank 0's initial parameters to all ranks."""
        assert self.model is not None
        collectives.broadcast_from_first(list(self.model.parameters()))
