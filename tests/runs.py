"""Overrides of tiny runs, shared by tests of commands."""

NETWORKS = ["model.generator.width=8", "model.discriminator.width=8"]
UNSCORED = ["data.batch_size=64", "trainer=cpu", "metric=none"]
TINY = [*NETWORKS, *UNSCORED, "images=256"]
