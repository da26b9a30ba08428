"""Data sets included in scikit-learn."""

import numpy as np

from ganexp.data.pictures import ArrayPictures


def digits() -> ArrayPictures:
    """Return 1,797 handwritten digits, grey 8x8, in 10 classes; no download.

    The 17 grey levels 0..16 are spread evenly over 0..255. Source: the test part of the UCI set «Optical
    Recognition of Handwritten Digits» (Alpaydin and Kaynak, 1998), as in sklearn.datasets.load_digits.
    """
    from sklearn.datasets import load_digits

    data = load_digits()
    images = np.rint(data.images * (255 / 16)).astype(np.uint8)
    return ArrayPictures(images, data.target, [str(name) for name in data.target_names])
