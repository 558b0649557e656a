"""What `stccl doctor` shows."""

import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from rich.table import Table

from stccl.errors import ParamsError, StageError, StcclError
from stccl.params import read_params
from stccl.weights import BUILT_IN_HEAD, registry


def findings() -> list[Table | str]:
    """Weights, programs and devices as tables, and a line for whatever is to be done."""
    return [_weights(), *_advice(), _face_model(), *_fitted_model(), _programs(), _devices()]


def _weights() -> Table:
    table = Table("part", "for", "state", "licence", title="Weights")
    for weight in registry():
        state = weight.state()
        colour = {"present": "green", "absent": "yellow", "damaged": "red"}[state]
        table.add_row(weight.name, weight.purpose, f"[{colour}]{state}[/]", weight.licence)
    return table


def _advice() -> list[str]:
    return [
        f"{weight.name} is {weight.state()}: get {weight.source} and save it as {weight.path}. "
        f"Until then: {weight.instead}."
        for weight in registry()
        if weight.state() != "present"
    ]


def _face_model() -> str:
    from stccl.face3d.deca import DECA

    needed = [weight for weight in registry() if weight.instead == BUILT_IN_HEAD]
    missing = [weight.name for weight in needed if weight.state() != "present"]
    if missing:
        return f"Faces in 3-D: {BUILT_IN_HEAD}; DECA would need {', '.join(missing)}."
    try:
        DECA.from_folder()  # only reading them shows whether files without a checksum are whole
    except StcclError as error:
        return f"Faces in 3-D: {BUILT_IN_HEAD}; DECA cannot be used: {error}."
    return "Faces in 3-D: DECA, on FLAME."


def _fitted_model() -> list[str]:
    """What `params.yaml` has the `fit` stage use; nothing outside of a project."""
    from stccl.face3d.deca import DECA
    from stccl.fit.models import MODELS, face_model, wrinkle_files

    try:
        name = read_params().fit.model
    except ParamsError:
        return []
    if name == "head":
        files = [path for path in MODELS["flame"].files if not path.is_file()]
        needs = f"needs {' and '.join(map(str, files))}" if files else "could be used as well"
        return [
            "The fit stage uses the built-in head (fit.model: head): part of this project, under "
            f"its licence, no file needed; FLAME (fit.model: flame) {needs}."
        ]
    try:
        face_model(name)
    except StageError as error:
        return [f"The fit stage cannot run: {error}."]
    if name == "flame":
        return ["The fit stage uses FLAME (fit.model: flame), for non-commercial research alone."]
    try:
        DECA.from_folder()
    except StcclError as error:
        return [f"The fit stage cannot run: fit.model: deca: {error}."]
    how = "with" if wrinkle_files() else "without"
    return [
        f"The fit stage uses DECA (fit.model: deca) {how} wrinkles, for non-commercial research "
        "alone."
    ]


def _programs() -> Table:
    table = Table("program", "version", "state", title="Programs")
    for package in ("prefect", "dvc", "torch", "opencv-python-headless", "decord", "librosa"):
        try:
            table.add_row(package, version(package), "[green]present[/]")
        except PackageNotFoundError:
            table.add_row(package, "", "[red]absent: run make setup[/]")
    if find_spec("imageio_ffmpeg"):
        import imageio_ffmpeg

        table.add_row("ffmpeg", imageio_ffmpeg.get_ffmpeg_version(), "[green]present[/]")
    if find_spec("espeakng_loader"):
        table.add_row("espeak-ng", version("espeakng-loader"), "[green]present[/]")
    else:
        table.add_row("espeak-ng", "", "[yellow]absent: run make setup[/]")
    return table


def _devices() -> Table:
    import torch

    from stccl.metric.precision import computes_in_bf16

    table = Table("device", "what", "bf16", title="Devices")
    simd = torch.backends.cpu.get_cpu_capability() if hasattr(torch.backends, "cpu") else ""
    yes = {True: "yes", False: "no"}
    name = f"{platform.processor() or platform.machine()} {simd}"
    table.add_row("cpu", name, yes[computes_in_bf16("cpu")])
    for index in range(torch.cuda.device_count()):
        name = torch.cuda.get_device_name(index)
        table.add_row(f"cuda:{index}", name, yes[computes_in_bf16("cuda")])
    return table
