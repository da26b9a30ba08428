from ganexp.api.compose import compose as compose
from ganexp.api.load import load as load
from ganexp.api.train import train as train
from ganexp.api.trained_model import TrainedModel as TrainedModel

__version__: str
__all__ = ["TrainedModel", "__version__", "compose", "load", "train"]
