"""The ranker as Triton serves it: the network of `inference.ranking.network`, in torch, in a file of its own.

Triton's environment has numpy and torch and none of our packages, so nothing is imported from them; a test holds the
two to each other. Weights are read from `<repository>/ranker/weights.npz`. Whoever publishes new ones replaces that
file atomically: each request looks whether the file is another one, and if so reads it first. A file that cannot be
read, is of another shape, or holds numbers that are not finite, leaves the weights that serve as they are; at the start
the newest good one of `<repository>/ranker/versions` serves in its place.

While an experiment runs the file holds the networks of several lineages, and a request names whose scores it wants
(`LINEAGES`, `OWN`, `EXAMS`: see `inference.ports.Split`).
"""

import logging
import os
import zipfile

import numpy as np
import torch
import triton_python_backend_utils as pb_utils

PARTS = ("linear", "inner", "bias", "outer")
logger = logging.getLogger("ranker")


class Weights:
    """One version: its parts as tensors, its number, and the feature table that it fits."""

    def __init__(self, path, device):
        with np.load(path, allow_pickle=False) as file:
            self.version = int(file["version"])
            self.table = str(file["table"])
            lineages = {name.partition("/")[0] for name in file.files if "/" in name}
            self.parts = _parts(file, "", device)
            self.others = {name: _parts(file, name + "/", device) for name in lineages}
        for parts in (self.parts, *self.others.values()):
            _check(parts, path)


def _parts(file, prefix, device):
    return {name: torch.from_numpy(file[prefix + name].astype(np.float32)).to(device) for name in PARTS}


def _check(parts, path):
    """Raise ValueError if the parts do not fit each other, or hold numbers that are not finite."""
    width, hidden = parts["inner"].shape
    shapes = {"linear": (width,), "bias": (hidden,), "outer": (hidden,)}
    if any(tuple(parts[name].shape) != shape for name, shape in shapes.items()):
        raise ValueError("parts of different widths in %r" % path)
    if not all(torch.isfinite(part).all() for part in parts.values()):
        raise ValueError("numbers that are not finite in %r" % path)


def _versions(repository):
    """The files of versions that served lately, the newest first."""
    folder = os.path.join(repository, "versions")
    names = os.listdir(folder) if os.path.isdir(folder) else []
    numbers = sorted((int(name[:-4]) for name in names if name.endswith(".npz") and name[:-4].isdigit()), reverse=True)
    return [os.path.join(folder, "%d.npz" % number) for number in numbers]


def _forward(parts, features):
    hidden = torch.tanh(features @ parts["inner"] + parts["bias"])
    return hidden @ parts["outer"] + features @ parts["linear"]


def _given(request, name):
    tensor = pb_utils.get_input_tensor_by_name(request, name)
    return None if tensor is None else tensor.as_numpy()


class TritonPythonModel:
    """Scores `FEATURES [users, candidates, features]`; where `MASK` is false, -inf."""

    def initialize(self, args):
        torch.set_num_threads(1)
        self.device = torch.device("cuda" if args["model_instance_kind"] == "GPU" else "cpu")
        self.path = os.path.join(args["model_repository"], "weights.npz")
        self.mark = None
        self.weights = None
        self._follow()
        for path in _versions(args["model_repository"]) if self.weights is None else ():
            self._read(path)
            if self.weights is not None:
                break

    def _follow(self):
        """Read the weights if the file is another one than last time."""
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            return
        mark = (found.st_ino, found.st_mtime_ns, found.st_size)
        if mark == self.mark:
            return
        self.mark = mark
        self._read(self.path)

    def _read(self, path):
        try:
            self.weights = Weights(path, self.device)
        except (OSError, ValueError, KeyError, EOFError, TypeError, RuntimeError, zipfile.BadZipFile) as exc:
            logger.error("weights at %r are left aside: %s", path, exc)

    @torch.inference_mode()
    def _score(self, features, mask):
        scores = _forward(self.weights.parts, torch.from_numpy(features).to(self.device))
        return scores.cpu().masked_fill_(~torch.from_numpy(mask), float("-inf")).numpy()

    @torch.inference_mode()
    def _score_by(self, parts, own, features, mask):
        """Each row by its own variant's network."""
        scores = np.full(mask.shape, -np.inf, np.float32)
        for number, network in enumerate(parts):
            rows = np.flatnonzero(own == number)
            if len(rows):
                block = torch.from_numpy(features if len(rows) == len(features) else features[rows]).to(self.device)
                scores[rows] = _forward(network, block).cpu().numpy()
        scores[~mask] = -np.inf
        return scores

    @torch.inference_mode()
    def _score_queries(self, parts, queries, features, mask):
        """Score prequential queries by every variant's network, apart from the lists: they must not move one by a bit."""
        block = torch.from_numpy(features[queries]).to(self.device)
        scores = torch.stack([_forward(network, block) for network in parts]).cpu().numpy()
        scores[:, ~mask[queries]] = -np.inf
        return scores

    def _split(self, request, features, mask):
        """Score a batch that is split between variants; None for one that is not."""
        names = _given(request, "LINEAGES")
        if names is None:
            return None
        names = [name.decode() for name in names]
        parts = [self.weights.others.get(name, self.weights.parts) for name in names]
        present = [not name or name in self.weights.others for name in names]
        tensors = [
            pb_utils.Tensor("SCORES", self._score_by(parts, _given(request, "OWN"), features, mask)),
            pb_utils.Tensor("HELD", np.array(present, np.bool_)),
        ]
        queries = _given(request, "EXAMS")
        if queries is not None:
            tensors.append(pb_utils.Tensor("EXAM_SCORES", self._score_queries(parts, queries, features, mask)))
        return tensors

    def _answer(self, request):
        features = pb_utils.get_input_tensor_by_name(request, "FEATURES").as_numpy()
        mask = pb_utils.get_input_tensor_by_name(request, "MASK").as_numpy()
        if self.weights is None:
            return self._refuse("no weights at %r yet" % self.path)
        width = self.weights.parts["linear"].shape[0]
        if features.shape[-1] != width:
            return self._refuse("%d features were sent, the weights are for %d" % (features.shape[-1], width))
        scored = self._split(request, features, mask)
        return pb_utils.InferenceResponse(
            [
                *(scored or [pb_utils.Tensor("SCORES", self._score(features, mask))]),
                pb_utils.Tensor("MODEL_VERSION", np.array([self.weights.version], np.int64)),
                pb_utils.Tensor("TABLE", np.array([self.weights.table.encode()], np.object_)),
            ]
        )

    def _refuse(self, why):
        return pb_utils.InferenceResponse(error=pb_utils.TritonError(why))

    def execute(self, requests):
        self._follow()
        return [self._answer(request) for request in requests]
