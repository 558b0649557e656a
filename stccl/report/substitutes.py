"""Which parts ran with an offline default in place of published weights."""

from dataclasses import dataclass

from stccl.params import Params


@dataclass(frozen=True)
class Part:
    """A part of the pipeline for which weights are published.

    Attributes:
        key: The parameter that chooses, as in `params.yaml`.
        used: What ran.
        published: What the authors used.
    """

    name: str
    key: str
    used: str
    published: str

    @property
    def is_published(self) -> bool:
        """Whether the published choice ran."""
        return self.used == self.published


_FAN = "FAN, 2-D (package face-alignment)"
_DECA = "DECA, on FLAME"
_ARCFACE = "IResNet-50 with ArcFace weights"
_SYNCNET = "the published SyncNet"
_VGG = "VGG-19, trained on ImageNet"


def parts(params: Params) -> list[Part]:
    """The choices of a run, part by part."""
    models = {
        "head": "the built-in head, fitted to the landmarks",
        "flame": "FLAME, fitted to the landmarks",
        "deca": _DECA,
    }
    detectors = {"fan": _FAN, "dlib": "dlib's HOG detector and 68-point predictor"}
    return [
        Part(
            "Face landmarks",
            "landmarks.detector",
            detectors[params.landmarks.detector],
            _FAN,
        ),
        Part("Faces in 3-D", "fit.model", models[params.fit.model], _DECA),
        Part(
            "Start of the metric's backbone",
            "metric.training.arcface",
            _ARCFACE if params.metric.training.arcface else "seeded random weights",
            _ARCFACE,
        ),
        Part(
            "Perceptual loss of the renderer",
            "spfem.ned.renderer.training.vgg19",
            _VGG
            if params.spfem.ned.renderer.training.vgg19
            else "the backbone of the trained metric",
            _VGG,
        ),
        Part(
            "Judge of lip sync",
            "experts.syncnet",
            _SYNCNET
            if params.experts.syncnet
            else "SyncNet, smaller, trained on the metric's clips",
            _SYNCNET,
        ),
        Part(
            "Judge of identity",
            "experts.arcface",
            _ARCFACE if params.experts.arcface else "dlib's face embedding",
            _ARCFACE,
        ),
    ]
