"""The command line: `stccl use`, `manipulate`, `score`, `export`, `doctor`."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from stccl.errors import StcclError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Talking-face clips in, a correlation metric and models trained under it out.",
)

PARAMS = Path("params.yaml")
DATA = Path("data")
MODELS = Path("models")
TRAINED = "models/metric"


def _one_line_errors(command: Callable[..., None]) -> Callable[..., None]:
    """A problem a person can solve ends as one line, not as a traceback."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except StcclError as error:
            print(f"error: {error}", file=sys.stderr)
            raise typer.Exit(1) from None

    return run


@app.command()
@_one_line_errors
def use(
    dataset: Annotated[str | None, typer.Argument(help="A folder of datasets/.")] = None,
    root: Annotated[str | None, typer.Option(help="Your folder with its clips.")] = None,
    protocol: Annotated[str | None, typer.Option(help="One of its card's protocols.")] = None,
    edition: Annotated[str | None, typer.Option(help="One of its card's editions.")] = None,
    add: Annotated[bool, typer.Option("--add", help="Keep the datasets in use.")] = False,
    preset: Annotated[str | None, typer.Option(help="A file of presets/, such as paper.")] = None,
) -> None:
    """Write into params.yaml which clips to work on, and at which size."""
    from stccl.configure import apply_preset, use_dataset

    if preset is not None:
        apply_preset(PARAMS, Path("presets") / f"{preset}.yaml")
    if dataset is not None:
        use_dataset(PARAMS, dataset, root=root, protocol=protocol, edition=edition, keep_others=add)


@app.command()
@_one_line_errors
def doctor() -> None:
    """Show which weights, programs and devices are there, and what to do about missing ones."""
    from rich.console import Console

    from stccl.doctor import findings

    console = Console()
    for finding in findings():
        console.print(finding)


@app.command()
@_one_line_errors
def export(
    out: Annotated[Path, typer.Argument(help="Folder to write, made if need be.")],
    pictures: Annotated[
        bool, typer.Option(help="Write the aligned faces, not just the paths.")
    ] = True,
) -> None:
    """Write the folders and JSON that the published implementations read."""
    from stccl.export.layout import export as write

    counts = write(DATA, out, pictures=pictures)
    print(f"{out}: {counts}")


@app.command()
@_one_line_errors
def manipulate(
    clip: Annotated[str, typer.Argument(help="A clip's id, or a media file.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="An mp4 file.")],
    emotion: Annotated[str | None, typer.Option(help="What to show: happy, sad, …")] = None,
    reference: Annotated[
        str | None, typer.Option(help="A clip's id or file that shows it, instead.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="A trained model, such as ned-vd-42; see models/spfem.")
    ] = None,
    speaker: Annotated[
        str | None, typer.Option(help="Whose face it is: <dataset>-<speaker>.")
    ] = None,
    side_by_side: Annotated[
        bool, typer.Option("--side-by-side", help="The source and all models of the seed.")
    ] = False,
) -> None:
    """Give a speaking face another expression; words and sound stay."""
    from rich.progress import Progress

    from stccl.params import read_params
    from stccl.spfem.manipulate import manipulate as write
    from stccl.spfem.trained import trained_models

    params = read_params(PARAMS)
    with Progress(transient=True, disable=not sys.stdout.isatty()) as bar:
        task = bar.add_task(out.name, total=None)
        frames, changed = write(
            clip,
            out,
            models=trained_models(MODELS, params.spfem, model, everything=side_by_side),
            emotion=emotion,
            reference=reference,
            speaker=speaker,
            side_by_side=side_by_side,
            data=DATA,
            params=params,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    left = (
        f"; {frames - changed} without a fitted face stay as they are" if changed < frames else ""
    )
    print(f"{out}: {frames} frames{left}")


@app.command()
@_one_line_errors
def score(
    source: Annotated[str, typer.Argument(help="A clip's id, or a media file.")],
    generated: Annotated[str, typer.Argument(help="What was made from it: an id or a file.")],
    metric: Annotated[str, typer.Option(help="A folder or a name on the hub.")] = TRAINED,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable.")] = False,
) -> None:
    """Say how well a manipulated clip keeps the correlations of its source.

    Frame k is compared with frame k, unless the mouths show that one clip's pictures run at another
    speed. Higher is better; only compare scores of the same metric.
    """
    from stccl.evaluation.compare import compare
    from stccl.params import read_params

    if metric == TRAINED and not Path(metric).is_dir():
        raise StcclError(
            f"no metric in {metric}; train one with `dvc repro`, or name one: --metric"
        )
    result = compare(
        source,
        generated,
        data=DATA,
        metric=metric,
        judges=MODELS / "experts",
        params=read_params(PARAMS),
    )
    print(json.dumps(asdict(result), indent=2) if as_json else result)
    if result.warning:
        print(f"warning: {result.warning}", file=sys.stderr)


if __name__ == "__main__":
    app()
