"""Training the metric: exact to the bit, interrupted or not."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from stccl.metric.data import PairWindows, TrainingWindows, Window, WindowReader, training_batches
from stccl.metric.loss import STCCLLoss
from stccl.metric.params import TrainingParams
from stccl.metric.precision import precision_of
from stccl.metric.sampling import Locations, draw_locations
from stccl.training.exact import deterministic
from stccl.training.record import Progress, Record, Report, require_finite
from stccl.training.resume import Checkpoint


@dataclass
class History:
    """What training saw, in order: a record per step, and one per look at held-out speakers."""

    steps: list[Record] = field(default_factory=list)
    heldout: list[Record] = field(default_factory=list)


def train(
    loss: STCCLLoss,
    pairs: Sequence[PairWindows],
    heldout: Sequence[tuple[PairWindows, Window]],
    reader: WindowReader,
    params: TrainingParams,
    *,
    seed: int,
    workers: int,
    checkpoint: Checkpoint,
    progress: Progress,
    report: Report,
) -> History:
    """Train in place; spatial and temporal part together, every parameter.

    Source: ASCCL's and STCCL's published trainers (Adam, learning rate 1e-3).

    Args:
        loss: The untrained metric; trained and frozen on return.
        pairs: What to learn from.
        heldout: Windows of other speakers, to look at on the way.
        reader: Where pictures come from.
        params: Steps, batch, precision.
        seed: Of the order of samples and regions.
        workers: Processes that read ahead.
        checkpoint: Where to keep what an interruption must not cost.
        progress: Called as (steps done, steps).
        report: Called as (step, record) for everything that enters the history, a resumed
            training's past included.

    Raises:
        StageError: Where the loss is no longer finite.
    """
    training = _Training(loss, reader, heldout, params, seed, checkpoint, report)
    with deterministic():
        return training.run(pairs, workers, progress)


def heldout_similarity(
    loss: STCCLLoss,
    windows: Sequence[tuple[PairWindows, Window]],
    reader: WindowReader,
    fabric: Fabric,
    batch_windows: int,
) -> Record:
    """Mean positive and negative cosine of each part over windows of other speakers."""
    sums: dict[str, list[Tensor]] = {}
    for start in range(0, len(windows), batch_windows):
        images = [reader.read(*window) for window in windows[start : start + batch_windows]]
        target, source = (fabric.to_device(torch.stack(side)) for side in zip(*images, strict=True))
        with fabric.autocast():
            similarity = loss.similarity(target, source)
        for part, found in similarity._asdict().items():
            if found is not None:
                for sign in ("positive", "negative"):
                    value = getattr(found, f"{sign}_cosine").mean(dim=1)
                    sums.setdefault(f"{part}_{sign}", []).append(value.double().cpu())
    return {name: float(torch.cat(values).mean()) for name, values in sums.items()}


class _Training:
    def __init__(
        self,
        loss: STCCLLoss,
        reader: WindowReader,
        heldout: Sequence[tuple[PairWindows, Window]],
        params: TrainingParams,
        seed: int,
        checkpoint: Checkpoint,
        report: Report,
    ) -> None:
        self._loss = loss
        self._reader = reader
        self._heldout = heldout
        self._params = params
        self._seed = seed
        self._checkpoint = checkpoint
        self._report = report
        self._history = History()

    def run(self, pairs: Sequence[PairWindows], workers: int, progress: Progress) -> History:
        params = self._params
        fabric = Fabric(
            accelerator=params.accelerator,
            devices=1,
            precision=precision_of(params.precision, params.accelerator),  # type: ignore[arg-type]
        )
        saved = self._checkpoint.load()
        if saved is not None:
            self._loss.load_state_dict(saved["model"])
        trained = [p for p in self._loss.parameters() if p.requires_grad]
        model, optimizer = fabric.setup(
            self._loss, torch.optim.Adam(trained, lr=params.learning_rate, fused=True)
        )
        first_step = 0
        if saved is not None:
            optimizer.load_state_dict(saved["optimizer"])
            first_step = saved["step"]
            self._replay(saved["steps"], saved["heldout"])
        else:
            self._look(0, fabric)
        batches = training_batches(
            TrainingWindows(pairs, self._reader, self._seed),
            batch=params.batch_windows,
            first_step=first_step,
            steps=params.steps,
            workers=workers,
        )
        for step, (target, source) in enumerate(batches, start=first_step):
            model.train()
            terms = model(
                fabric.to_device(target),
                fabric.to_device(source),
                locations=self._locations(step, target),
            )
            optimizer.zero_grad()
            fabric.backward(terms.total)
            optimizer.step()
            self._record(
                step + 1, {name: float(value.detach()) for name, value in terms._asdict().items()}
            )
            done = step + 1
            if done % params.eval_every_steps == 0 or done == params.steps:
                self._look(done, fabric)
            if done % params.checkpoint_every_steps == 0 or done == params.steps:
                self._checkpoint.save(
                    step=done,
                    model=self._loss.state_dict(),
                    optimizer=optimizer.state_dict(),
                    steps=self._history.steps,
                    heldout=self._history.heldout,
                )
            progress(done, params.steps)
        self._loss.cpu().freeze()
        return self._history

    def _locations(self, step: int, images: Tensor) -> Locations:
        seed = np.random.SeedSequence([self._seed, step]).generate_state(1, np.uint64)[0]
        generator = torch.Generator().manual_seed(int(seed))
        return draw_locations(images.shape[-2], images.shape[-1], self._loss.config, generator)

    def _record(self, step: int, record: Record) -> None:
        remedy = "lower metric.training.learning_rate or set metric.training.precision to 32-true"
        require_finite(record, "metric", step, remedy)
        self._history.steps.append({"step": step, **record})
        self._report(step, {f"train/{name}": value for name, value in record.items()})

    def _look(self, step: int, fabric: Fabric) -> None:
        if not self._heldout:
            return
        self._loss.eval()
        record = heldout_similarity(
            self._loss, self._heldout, self._reader, fabric, self._params.batch_windows
        )
        self._history.heldout.append({"step": step, **record})
        self._report(step, {f"heldout/{name}": value for name, value in record.items()})

    def _replay(self, steps: list[Record], heldout: list[Record]) -> None:
        """Report the past of a resumed training in the order in which it happened."""
        self._history = History(steps, heldout)
        trained = {int(record["step"]): record for record in steps}
        looked = {int(record["step"]): record for record in heldout}
        for step in sorted(trained.keys() | looked.keys()):
            for kind, past in (("train", trained), ("heldout", looked)):
                if step in past:
                    values = {k: v for k, v in past[step].items() if k != "step"}
                    self._report(step, {f"{kind}/{name}": v for name, v in values.items()})
