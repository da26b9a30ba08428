"""Packing of a data set into shards."""

import shlex
from pathlib import Path

from omegaconf import DictConfig

from ganexp.config.build import build
from ganexp.data.images import ImageData
from ganexp.data.packed.packing import pack
from ganexp.errors import UserError
from ganexp.terminal.text import printable


def pack_data(config: DictConfig, name: str, out: Path, shard_size: int | None) -> None:
    """Pack all images that training with these settings would use, and print what was written and how to train on it.

    Raises UserError for data of other kinds, and for unreadable images.
    """
    module = build(config)
    if not isinstance(module, ImageData):
        raise UserError(f"data={name}: only data sets of single images can be packed, not pairs, domains or points")
    ((open_pictures,),) = (module.picture_sets().values(),)
    ((_, pictures, _, _),) = open_pictures()
    if len(pictures) == 0:
        raise UserError(f"data={name} has no images.")
    # Opened first, which measures the range of values where that is the setting.
    packed = pack(pictures, module.decoder, name, out, shard_size)
    header = packed.header
    kept = f", {packed.kept:,} of them there before" if packed.kept else ""
    kind = "attributes" if header.attributes else "classes"
    classes = f", {len(header.classes)} {kind}" if header.classes else ""
    print(
        printable(
            f"{header.images:,} images of {header.channels}x{header.height}x{header.width}{classes}: "
            f"{packed.size / 1e6:,.1f} MB in {header.shards:,} shards{kept}; train with data=stream "
            f"{shlex.quote(f'data.path={out}')}"
        )
    )
