"""Stand-ins for the packages of MLflow, Comet and Aim: what a logger sends to each, kept in memory."""

import sys
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace


@dataclass
class Sent:
    """What one service was sent; runs are numbered in the order of their creation."""

    runs: list[str] = field(default_factory=list)
    resumed: list[str] = field(default_factory=list)
    settings: dict[str, object] = field(default_factory=dict)
    tags: dict[str, object] = field(default_factory=dict)
    metrics: list[tuple[str, int, float]] = field(default_factory=list)
    images: list[tuple[str, int]] = field(default_factory=list)
    captions: list[str | None] = field(default_factory=list)
    ended: int = 0
    name: str | None = None
    project: str | None = None

    def create(self, run=None):
        if run is None:
            self.runs.append(f"run{len(self.runs)}")
        else:
            self.resumed.append(run)
        return run or self.runs[-1]


def module(monkeypatch, name, **content):
    made = ModuleType(name)
    vars(made).update(content)
    monkeypatch.setitem(sys.modules, name, made)
    return made


def stand_in_mlflow(monkeypatch):
    sent = Sent()

    class Client:
        def __init__(self, uri):
            assert uri in ("default", "sqlite:///x.db")

        def get_experiment_by_name(self, name):
            sent.project = name

        def create_experiment(self, name, artifact_location):
            return "1"

        def create_run(self, experiment_id, tags):
            sent.tags |= tags
            sent.name = tags["mlflow.runName"]
            return SimpleNamespace(info=SimpleNamespace(run_id=sent.create()))

        def get_run(self, run):
            data = SimpleNamespace(params=dict(sent.settings))
            return SimpleNamespace(info=SimpleNamespace(experiment_id="1"), data=data)

        def update_run(self, run, status):
            if run in sent.runs and sent.ended:
                sent.create(run)

        def set_tag(self, run, key, value):
            sent.tags[key] = value

        def log_batch(self, run_id, params=(), metrics=()):
            for param in params:
                assert sent.settings.setdefault(param.key, param.value) == param.value, "MLflow refuses changes"
            sent.metrics += [(metric.key, metric.step, metric.value) for metric in metrics]

        def log_image(self, run, image, key, step):
            sent.images.append((key, step))
            sent.captions.append(None)

        def set_terminated(self, run, status):
            assert status == "FINISHED"
            sent.ended += 1

    def value(**content):
        return SimpleNamespace(**content)

    context = module(monkeypatch, "mlflow.tracking.context", resolve_tags=lambda tags: tags)
    tracking = module(monkeypatch, "mlflow.tracking", MlflowClient=Client, context=context)
    entities = module(monkeypatch, "mlflow.entities", Param=value, Metric=value)
    tag_names = module(monkeypatch, "mlflow.utils.mlflow_tags", MLFLOW_RUN_NAME="mlflow.runName")
    utils = module(monkeypatch, "mlflow.utils", mlflow_tags=tag_names)
    mlflow = {"tracking": tracking, "entities": entities, "utils": utils}
    module(monkeypatch, "mlflow", get_tracking_uri=lambda: "default", set_tracking_uri=lambda uri: None, **mlflow)
    monkeypatch.setattr("lightning.pytorch.loggers.mlflow._MLFLOW_AVAILABLE", True)
    return sent


def stand_in_comet(monkeypatch, key="key", online_error=None):
    sent = Sent()

    class Experiment:
        def __init__(self, project_name, key):
            self.project_name, self.key = project_name, sent.create(key)

        def get_key(self):
            return self.key

        def log_other(self, name, value):
            sent.tags[name] = value

        def __internal_api__log_parameters__(self, parameters, **_):
            sent.settings |= parameters

        def __internal_api__log_metrics__(self, metrics, step, **_):
            sent.metrics += [(name, step, value) for name, value in metrics.items()]

        def log_image(self, image, name, step, metadata):
            sent.images.append((name, step))
            sent.captions.append(metadata and metadata["caption"])

        def log_text(self, text):
            sent.tags["doctor"] = text

        def end(self):
            sent.ended += 1

    def start(project, experiment_key, online, experiment_config, **_):
        if online and online_error:
            raise online_error
        sent.project, sent.name = project, experiment_config.name
        sent.tags |= {"online": online, "directory": experiment_config.offline_directory}
        return Experiment(project, experiment_key)

    config = SimpleNamespace(get_config=dict, get_api_key=lambda given, config: key)
    module(monkeypatch, "comet_ml", ExperimentConfig=SimpleNamespace, start=start, config=config)
    monkeypatch.setattr("lightning.pytorch.loggers.comet._COMET_AVAILABLE", True)
    return sent


def stand_in_aim(monkeypatch):
    sent = Sent()

    class Picture:
        def __init__(self, image, caption):
            self.caption = caption

    class Run(dict):
        def __init__(self, run_hash, repo, experiment, force_resume, capture_terminal_logs):
            self.hash = sent.create(run_hash)
            assert force_resume == (run_hash is not None)
            sent.project = experiment

        def __setattr__(self, name, value):
            if name == "name":
                sent.name = value
            super().__setattr__(name, value)

        def __setitem__(self, key, value):
            sent.tags[key] = value

        def set(self, key, value, strict):
            sent.settings |= value

        def track(self, value, name, step):
            if isinstance(value, Picture):
                sent.images.append((name, step))
                sent.captions.append(value.caption or None)
            else:
                sent.metrics.append((name, step, value))

        def log_warning(self, text):
            sent.tags["doctor"] = text

        def close(self):
            sent.ended += 1

    module(monkeypatch, "aim", Run=Run, Image=Picture)
    return sent


STAND_INS = {"mlflow": stand_in_mlflow, "comet": stand_in_comet, "aim": stand_in_aim}
