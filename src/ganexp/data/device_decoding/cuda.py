"""JPEG decoding on NVIDIA's GPUs: torchvision's, by nvJPEG."""

import io

import torch
from PIL import Image
from torch import Tensor

from ganexp.data.device_decoding.decoder import DecodesJpegs, NoDecoder
from ganexp.errors import one_line

# Before, nvJPEG could end the process at broken EXIF data (NVIDIA/CUDALibrarySamples issue 116), and leaked memory
# before 11.6 (pytorch/vision issue 4378).
OLDEST_CUDA = (12, 3)
# The first to decode several JPEGs at once (pytorch/vision pull request 8496).
OLDEST_TORCHVISION = (0, 20)


class CudaJpegs:
    """Decodes JPEGs on a CUDA device; made and called in the process that trains, as forked ones cannot use CUDA."""

    def __init__(self, device: torch.device) -> None:
        from torchvision.io import ImageReadMode, decode_jpeg

        self.device = device
        self._modes = {1: ImageReadMode.GRAY, 3: ImageReadMode.RGB}
        self._decode = decode_jpeg

    def __call__(self, contents: list[Tensor], channels: int, /) -> list[Tensor]:
        """Return the pixels of each, uint8 (channels, height, width); raises RuntimeError if any is refused."""
        # Torchvision writes from a stream of its own, which does not wait for work queued here that still reads the
        # memory it is given (pytorch/vision pull request 9606).
        torch.cuda.current_stream(self.device).synchronize()
        decoded: list[Tensor] = self._decode(contents, self._modes[channels], device=self.device)
        return decoded


def cuda_jpegs(device: torch.device) -> DecodesJpegs:
    """Return a decoder for a device, which has decoded a JPEG; raises NoDecoder if there is none."""
    if device.type != "cuda":
        raise NoDecoder(f"the device is {device}, and only CUDA decodes them")
    # Here, as importing it takes a second.
    import torchvision

    reason = reason_against(torch.version.cuda, torchvision.__version__)
    if reason is not None:
        raise NoDecoder(reason)
    try:
        decoder = CudaJpegs(device)
        decoder([_example()], 3)
    except (ImportError, OSError, RuntimeError) as error:
        raise NoDecoder(f"torchvision cannot: {one_line(error)}") from error
    return decoder


def reason_against(cuda: str | None, torchvision_version: str) -> str | None:
    """Return the reason why these versions are not used, None if there is none."""
    if cuda is None:
        return "this torch is built without CUDA"
    if _numbers(cuda) < OLDEST_CUDA:
        return (
            f"nvJPEG of CUDA {cuda} may crash on broken files: install a torch for CUDA {_text(OLDEST_CUDA)} or newer"
        )
    if _numbers(torchvision_version) < OLDEST_TORCHVISION:
        return f"torchvision {torchvision_version} is too old: install {_text(OLDEST_TORCHVISION)} or newer"
    return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split(".")[:2])


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _example() -> Tensor:
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, "jpeg")
    return torch.frombuffer(bytearray(file.getvalue()), dtype=torch.uint8)
