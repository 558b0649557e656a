"""Every pretrained part: what it is for, where it comes from, and what stands in when it is absent.

Nothing is ever downloaded while a stage runs. A person puts a file where this table says;
`stccl doctor` tells which are there.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from stccl.fingerprint import file_sha256

WEIGHTS = Path("weights")
"""Where files without a place of their own are put, below the project's folder."""


@dataclass(frozen=True)
class Weight:
    """One pretrained file.

    Attributes:
        name: Short name.
        purpose: What the pipeline does with it.
        licence: Under which terms it is published.
        source: Where a person gets it.
        path: Where it is expected.
        sha256_prefix: First digits of the checksum, as its publisher gives them; empty where none
            is published.
        instead: What works in its place, offline.
    """

    name: str
    purpose: str
    licence: str
    source: str
    path: Path
    sha256_prefix: str
    instead: str

    def state(self) -> str:
        """`present`, `absent`, or `damaged` where the checksum is not the published one."""
        if not self.path.is_file():
            return "absent"
        if self.sha256_prefix and not file_sha256(self.path).startswith(self.sha256_prefix):
            return "damaged"
        return "present"


BUILT_IN_HEAD = "the built-in head, fitted to the 68 points"
"""What stands in for DECA and FLAME."""


def packaged(package: str, inside: str) -> Path:
    """Where a file of a package is, without importing the package."""
    spec = find_spec(package)
    folder = Path(spec.origin).parent if spec and spec.origin else Path(package)
    return folder / inside


def registry() -> tuple[Weight, ...]:
    """All pretrained parts."""
    import torch  # the one who knows where its hub keeps files

    from stccl.experts.identity import DLIB_FILE
    from stccl.face3d.deca_networks import DECA_FILE
    from stccl.face3d.flame_files import ALBEDO_FILE, LANDMARKS_FILE, MODEL_FILE
    from stccl.face3d.texture_files import DISPLACEMENT_FILE, MASK_FILE, TEMPLATE_FILE

    hub = Path(torch.hub.get_dir()) / "checkpoints"
    return (
        Weight(
            "dlib 68 points",
            "landmarks (detector: dlib)",
            "trained on 300-W: not for commercial products",
            "package face_recognition_models",
            packaged("face_recognition_models", "models/shape_predictor_68_face_landmarks.dat"),
            "",
            "comes with the set-up",
        ),
        Weight(
            "S3FD",
            "face detection (detector: fan)",
            "BSD-3-Clause",
            "https://www.adrianbulat.com/downloads/python-fan/s3fd-619a316812.pth",
            hub / "s3fd-619a316812.pth",
            "619a316812",
            "landmarks.detector: dlib",
        ),
        Weight(
            "2DFAN4",
            "68 points (detector: fan)",
            "BSD-3-Clause",
            "https://www.adrianbulat.com/downloads/python-fan/2DFAN4-11f355bf06.pth.tar",
            hub / "2DFAN4-11f355bf06.pth.tar",
            "11f355bf06",
            "landmarks.detector: dlib",
        ),
        Weight(
            "ArcFace IResNet-50",
            "start of the metric's backbone (metric.training.arcface), judge of identity "
            "(experts.arcface)",
            "non-commercial research",
            "backbone.pth of the ASCCL repository's readme",
            WEIGHTS / "backbone.pth",
            "",
            "training from scratch, and dlib's face embedding",
        ),
        Weight(
            "dlib face embedding",
            "identity of generated faces (experts.arcface: null)",
            "CC0-1.0",
            "package face_recognition_models",
            packaged(*DLIB_FILE),
            "",
            "comes with the set-up",
        ),
        Weight(
            "SyncNet",
            "judge of lip sync (experts.syncnet)",
            "research; none is stated with the file",
            "https://www.robots.ox.ac.uk/~vgg/software/lipsync/data/syncnet_v2.model",
            WEIGHTS / "syncnet_v2.model",
            "",
            "a smaller network of the same kind, trained by the experts stage",
        ),
        Weight(
            "FLAME",
            "faces in 3-D: the head (fit.model: flame)",
            "non-commercial research, on registration",
            f"{MODEL_FILE} of FLAME 2020 from https://flame.is.tue.mpg.de/download.php",
            WEIGHTS / MODEL_FILE,
            "",
            BUILT_IN_HEAD,
        ),
        Weight(
            "FLAME landmarks",
            "faces in 3-D: where the 68 points lie on FLAME (fit.model: flame)",
            "non-commercial research",
            f"https://github.com/yfeng95/DECA/raw/master/data/{LANDMARKS_FILE}",
            WEIGHTS / LANDMARKS_FILE,
            "",
            BUILT_IN_HEAD,
        ),
        Weight(
            "FLAME albedo",
            "faces in 3-D: the colours of FLAME (fit.model: deca)",
            "non-commercial research, as the Basel Face Model's",
            f"{ALBEDO_FILE} as https://github.com/TimoBolkart/BFM_to_FLAME makes it from the "
            "Basel Face Model 2017",
            WEIGHTS / ALBEDO_FILE,
            "",
            BUILT_IN_HEAD,
        ),
        Weight(
            "VGG-19",
            "NED's renderer: its perceptual term (training.vgg19)",
            "BSD-3-Clause; trained on ImageNet",
            "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
            hub / "vgg19-dcbb9e9d.pth",
            "dcbb9e9d",
            "the trained metric's backbone",
        ),
        Weight(
            "DECA",
            "faces in 3-D: coefficients of FLAME from a picture (fit.model: deca)",
            "non-commercial research",
            f"{DECA_FILE} from the link in the readme of https://github.com/yfeng95/DECA",
            WEIGHTS / DECA_FILE,
            "",
            BUILT_IN_HEAD,
        ),
        *(
            Weight(
                f"DECA {what}",
                "faces in 3-D: DECA's wrinkles in shape images",
                "non-commercial research",
                f"https://github.com/yfeng95/DECA/raw/master/data/{file}",
                WEIGHTS / file,
                "",
                "shape images without wrinkles",
            )
            for what, file in (
                ("texture layout", TEMPLATE_FILE),
                ("fixed displacement", DISPLACEMENT_FILE),
                ("detail mask", MASK_FILE),
            )
        ),
    )
