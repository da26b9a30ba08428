"""A callback for jobs that a test preempts or cancels: it delays the third batch until the test has done so."""

import time
from pathlib import Path

import lightning as L


class Wait(L.Callback):
    """Signals by a file that training is under way, then waits for another file."""

    def __init__(self, name):
        self.name = name

    def on_train_batch_start(self, trainer, module, batch, number):
        if module.batches_seen == 2 and trainer.is_global_zero:
            Path(f"reached-{self.name}").touch()
            while not Path("go").exists():
                time.sleep(0.05)
