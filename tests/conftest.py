"""Settings of all tests."""

import os

# Tiny networks run faster on one thread, and threads that wait for a busy core cost a hundredfold.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Nothing reaches for a network, a user's cache or a user's data.
os.environ["WANDB_MODE"] = "offline"
os.environ.pop("GANEXP_DATA", None)
