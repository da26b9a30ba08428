"""Image representations for a linear probe: discriminator features, pixels, PCA and k-means patches."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_max_pool2d, unfold

from ganexp.files.weights import checksum_of
from ganexp.metrics.extractor import Description, Extractor
from ganexp.metrics.reference import RealImages
from ganexp.metrics.store import cached
from ganexp.numerics.randomness import derived_seed
from ganexp.numerics.randomness import generator as rng
from ganexp.representations.feature_maps import recorded_maps

GRID = 4
COMPONENTS = 100
CENTROIDS = 200
PATCHES = 50_000
FITTED_ON = 5_000  # images


def pooled(maps: Tensor) -> Tensor:
    """Return maps (N, C, H, W) max-pooled to 4x4, smaller ones as they are, flattened to (N, D)."""
    height, width = maps.shape[2:]
    return adaptive_max_pool2d(maps, (min(GRID, height), min(GRID, width))).flatten(1)


class Features(Extractor):
    """A network's maps after each of its nonlinearities, max-pooled to 4x4 and joined (arXiv 1511.06434, section 5.1).

    ``run`` runs the network on images (N, C, H, W) in [-1, 1], with labels already bound if it takes any. The network's
    parameters still require gradients.
    """

    def __init__(self, network: nn.Module, run: Callable[[Tensor], object] | None = None) -> None:
        requires_grad = {name: parameter.requires_grad for name, parameter in network.named_parameters()}
        weights = {name: value for name, value in network.state_dict().items() if isinstance(value, Tensor)}
        description: Description = {
            "network": "maps",
            "pool": f"max {GRID}x{GRID}",
            "weights": checksum_of(weights)[:16],
        }
        super().__init__(network, description)
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(requires_grad[name])
        self.run = run or network

    def outputs(self, images: Tensor) -> dict[str, Tensor]:
        """Return "features" (N, D)."""
        with recorded_maps(self.network, pooled) as recorded:
            self.run(images.float() / 127.5 - 1)
        return {"features": torch.cat(list(recorded.values()), 1)}


class Fitted(Extractor):
    """A fitted network that turns pixels in [-1, 1] into features."""

    def __init__(self, name: str, network: nn.Module) -> None:
        super().__init__(network, {"network": name, "weights": checksum_of(network.state_dict())})

    def outputs(self, images: Tensor) -> dict[str, Tensor]:
        """Return "features" (N, D)."""
        return {"features": self.network(images.float() / 127.5 - 1)}


def pixels() -> Fitted:
    """Return an extractor of raw pixels."""
    return Fitted("pixels", nn.Flatten())


def principal_components(images: RealImages, components: int = COMPONENTS, seed: int = 0) -> Fitted:
    """Return a projection of pixels onto the first principal components of at most 5,000 images.

    There are fewer than ``components`` if there are too few images or pixels.
    """
    values = sample_of(images, seed).flatten(1)
    mean = values.mean(0)
    _, _, directions = torch.linalg.svd(values - mean, full_matrices=False)
    chosen = directions[: min(components, len(values) - 1)]
    projection = nn.Linear(values.shape[1], len(chosen))
    projection.weight.data = chosen.contiguous()
    projection.bias.data = -chosen @ mean
    return Fitted("pca", nn.Sequential(nn.Flatten(), projection))


class PatchCentroids(nn.Module):
    """Features (N, 4K) of images (N, C, H, W) by single-layer k-means, K centroids (Coates, Lee and Ng, AISTATS 2011).

    Patches are normalized and whitened. The activation of a centroid is max(0, mean distance to all centroids -
    distance to this one), summed over each quarter of the image.
    """

    def __init__(self, side: int, mean: Tensor, whitening: Tensor, centroids: Tensor) -> None:
        super().__init__()
        self.side = side
        self.register_buffer("mean", mean)
        self.register_buffer("whitening", whitening)
        self.register_buffer("centroids", centroids)

    def forward(self, images: Tensor) -> Tensor:
        """Return features (N, 4K)."""
        height, width = (size - self.side + 1 for size in images.shape[2:])
        patches = contrast_normalized(unfold(images, self.side).transpose(1, 2))
        whitened = (patches - self.mean) @ self.whitening  # type: ignore[operator]
        distance = torch.cdist(whitened, self.centroids.expand(len(images), -1, -1))  # type: ignore[operator]
        activations = (distance.mean(2, keepdim=True) - distance).relu().unflatten(1, (height, width))
        quarters = [quarter for half in activations.tensor_split(2, 1) for quarter in half.tensor_split(2, 2)]
        return torch.cat([quarter.sum((1, 2)) for quarter in quarters], 1)


def patch_centroids(images: RealImages, centroids: int = CENTROIDS, seed: int = 0) -> Fitted:
    """Return single-layer k-means features, fit on patches of at most 5,000 images and cached."""
    settings = {"images": images.fingerprint, "centroids": centroids, "seed": seed, "patches": PATCHES}
    content = cached("centroids", checksum_of(settings)[:16], lambda: _fitted_centroids(images, centroids, seed))
    network = PatchCentroids(content["side"], content["mean"], content["whitening"], content["centroids"])
    return Fitted("k-means", network)


def _fitted_centroids(images: RealImages, centroids: int, seed: int) -> dict[str, Tensor | int]:
    from sklearn.cluster import MiniBatchKMeans

    values = sample_of(images, seed)
    side = min(6, max(2, min(values.shape[2:]) // 2))
    draw = rng(seed, "patches")
    patches_per_image = math.ceil(PATCHES / len(values))
    patches = unfold(values, side).transpose(1, 2)
    where = torch.randint(patches.shape[1], (len(values), patches_per_image), generator=draw)
    chosen = contrast_normalized(patches.gather(1, where[:, :, None].expand(-1, -1, patches.shape[2])).flatten(0, 1))
    mean = chosen.mean(0)
    eigenvalues, vectors = torch.linalg.eigh((chosen - mean).T.cov())
    whitening = vectors @ torch.diag((eigenvalues.clamp(min=0) + 0.1).rsqrt()) @ vectors.T
    clusters = MiniBatchKMeans(
        min(centroids, len(chosen)), random_state=derived_seed(seed, "k-means") % 2**32, n_init=1, batch_size=2048
    )
    clusters.fit(((chosen - mean) @ whitening).numpy())
    return {
        "side": side,
        "mean": mean,
        "whitening": whitening,
        "centroids": torch.from_numpy(clusters.cluster_centers_).float(),
    }


def contrast_normalized(patches: Tensor) -> Tensor:
    """Return patches (..., D) with zero mean and unit variance, regularized by adding 0.01 to the variance."""
    centred = patches - patches.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + 0.01).sqrt()


def sample_of(images: RealImages, seed: int) -> Tensor:
    """Return a random sample of at most 5,000 images, in [-1, 1]."""
    chosen = torch.randperm(images.count, generator=rng(seed, "fitted on"))[:FITTED_ON].sort().values
    return images.at(chosen).float() / 127.5 - 1
