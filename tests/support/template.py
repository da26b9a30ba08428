"""The files of the template that `ganexp new` writes."""

FILES = {
    "README.md",
    "test_mine.py",
    *(f"mine/{name}.py" for name in ("__init__", "networks", "losses", "games", "data")),
    *(f"conf/{name}.yaml" for name in ("model/mine", "loss/smoothed", "data/shapes", "experiment/mine")),
}
