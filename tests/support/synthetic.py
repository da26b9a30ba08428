"""Folders of runs that were never trained, in the format that training writes; shared by tests."""

import csv
import json

import yaml
from PIL import Image

INTERVAL = 100
"""Images between two rows and between two scores."""
SPEED = 50.0

PROTOCOL = {
    "metric": "fid_classifier",
    "features": {"network": "convolutional classifier 1", "weights": "c1b2"},
    "reference": {"data": "digits", "split": "all", "image_size": 8, "images": 1797, "checksum": "e345"},
    "fakes": {"samples": 200, "weights": "moving average", "seed": 0, "checkpoint": "last"},
    "versions": {"torch": "2.15.0"},
    "settings": {},
    "numerics": {},
}


def configuration(images, seed, loss, **more):
    return {
        "images": images,
        "seed": seed,
        "data_root": "${oc.env:HOME}/data",
        "scoring": {"every": INTERVAL, "samples": 200, "real_images": 50_000, "monitor": None},
        "model": {"_target_": "ganexp.variants.gan.GAN", "loss": "${loss}", "latent": 100, "seed": "${seed}"},
        "loss": {"_target_": f"ganexp.losses.{loss.title()}"},
        "optimizer": {"generator": {"_target_": "torch.optim.Adam", "lr": 0.0003}},
        "data": {"batch_size": 10, "workers": 0},
        "trainer": {"accelerator": "cpu", "devices": 1, "precision": "32-true"},
        "logger": {"csv": {"_target_": "ganexp.loggers.metrics_csv.MetricsCSV", "folder": "${run_dir}"}},
        **more,
    }


def summary_of(images, seed, loss, status="finished"):
    return {
        "command": f"python -m ganexp loss={loss} seed={seed} images={images}",
        "choices": {"model": "dcgan_small", "data": "digits", "loss": loss, "logger": "csv", "trainer": "cpu"},
        "status": status,
        "reason": None,
        "continue_with": None,
        "started": "2026-01-01T00:00:00+00:00",
        "ended": "2026-01-01T00:01:00+00:00",
        "resumed": 0,
        "process": {"host": "elsewhere", "pid": 1},
        "device": "cpu, 1 threads",
        "ranks": 1,
        "classes": None,
        "parameters": {"discriminator": 1000, "generator": 2000},
        "images_per_update": {"discriminator": 10, "generator": 20},
        "images_seen": images,
        "peak_memory_bytes": 500_000_000,
        "peak_memory_of": "process",
        "numerics": {},
        "data": "content:0123456789abcdef",
        "waited_for_data": 0.0,
    }


def entry(name, value, images, protocol=PROTOCOL, higher_is_better=False):
    return {
        "name": name,
        "value": value,
        "spread": None,
        "higher_is_better": higher_is_better,
        "images_seen": images,
        "protocol": {**protocol, "metric": name},
    }


def write_run(
    folder,
    scores=(9.0, 5.0, 4.0),
    seed=0,
    loss="hinge",
    speed=SPEED,
    protocol=PROTOCOL,
    name="fid_classifier",
    status="finished",
    log="",
    pictures=0,
    budget=None,
    **more,
):
    """Write a run with these scores, one after each INTERVAL images, and return its folder."""
    folder.mkdir(parents=True)
    images = len(scores) * INTERVAL
    config = configuration(budget or images, seed, loss, **more)
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    (folder / "summary.json").write_text(json.dumps(summary_of(images, seed, loss, status), indent=2))
    rows = [
        {
            "images": (number + 1) * INTERVAL,
            "loss/generator/adversarial": 1.0 / (number + 1),
            "time/seconds": (number + 1) * (INTERVAL / speed + 1),
            "time/images_per_second": speed,
            f"score/{name}": score,
        }
        for number, score in enumerate(scores)
    ]
    write_rows(folder, rows)
    entries = [entry(name, scores[-1], images, protocol)] if scores else []
    (folder / "scores.json").write_text(json.dumps({"scores": entries}))
    (folder / "log.txt").write_text(log)
    for number in range(pictures):
        (folder / "samples").mkdir(exist_ok=True)
        grey = Image.new("L", (82, 82), 10 + 20 * number)
        grey.save(folder / "samples" / f"{images * number // max(1, pictures - 1):08d}.png")
    return folder


def write_rows(folder, rows):
    with (folder / "metrics.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)


def write_seeds(folder, values, loss="hinge", **settings):
    """Write one run for each final score, with seeds 0, 1, 2, …."""
    for seed, value in enumerate(values):
        write_run(folder / f"{loss}_{seed}", scores=(20.0, 15.0, value), seed=seed, loss=loss, **settings)
