"""A trainer that lets a game take its turns without Lightning."""


class StandInTrainer:
    """Stands for a Lightning Trainer, whose construction takes longer than training a batch."""

    world_size, global_rank = 1, 0

    def __init__(self, module):
        self.strategy = self
        self.optimizers = self._lightning_optimizers = module.configure_optimizers()

    def backward(self, loss, *_):
        loss.backward()
