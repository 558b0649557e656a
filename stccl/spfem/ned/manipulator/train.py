"""Training the manipulator: on a CPU exact to the bit, interrupted or not."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from stccl.errors import StageError
from stccl.metric.train import History, Progress, Record
from stccl.resume import Checkpoint
from stccl.spfem.ned.manipulator.losses import discriminator_loss, generator_loss
from stccl.spfem.ned.manipulator.manipulator import Manipulator
from stccl.spfem.ned.manipulator.params import ManipulatorParams
from stccl.spfem.ned.manipulator.rendered import RenderedLoss
from stccl.spfem.ned.manipulator.takes import Batch, TrainingWindows

_BETAS = (0.0, 0.99)


def train(
    manipulator: Manipulator,
    windows: TrainingWindows,
    params: ManipulatorParams,
    *,
    supervision: RenderedLoss | None,
    checkpoint: Checkpoint,
    progress: Progress,
    report: Callable[[int, Record], None],
) -> History:
    """Train in place.

    A step is, as published: the discriminator against styles drawn by label, then against styles of
    references; the generator with the mapping network and the style encoder on drawn styles, then
    alone on references' styles. Adam with betas 0 and 0.99.

    Args:
        manipulator: Untrained, or one to be tuned.
        windows: What to learn from.
        params: Steps, batch, weights.
        supervision: The STCCL loss on renderings; none without it.
        checkpoint: Where to keep what an interruption must not cost.
        progress: Called as (steps done, steps).
        report: Called as (step, record) for everything that enters the history, a resumed
            training's past included.

    Raises:
        StageError: Where the manipulator is for another face model, or the loss is no longer
            finite.
    """
    model = manipulator.config.face_model
    if windows.face_model != model:
        raise StageError(
            f"manipulator: it is for the face model {model}, and faces are fitted with "
            f"{windows.face_model}; make one for it, or set fit.model"
        )
    cuda = params.training.accelerator != "cpu" and torch.cuda.is_available()
    device = torch.device("cuda" if cuda else "cpu")
    training = _Training(manipulator, windows, params, supervision, checkpoint, report, device)
    with _deterministic(device.type == "cpu"):
        return training.run(progress)


def decayed_rate(step: int, steps: int, fraction: float) -> float:
    """What is left of the learning rate: 1, then linearly to 0 over the last part of the steps.

    >>> [decayed_rate(step, 10, 0.5) for step in (0, 5, 9)]
    [1.0, 1.0, 0.2]
    """
    return min(1.0, (steps - step) / (fraction * steps))


@contextmanager
def _deterministic(wanted: bool) -> Iterator[None]:
    """To the bit, where that needs no settings from outside: not in cuBLAS."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(wanted or before)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


class _Training:
    def __init__(
        self,
        manipulator: Manipulator,
        windows: TrainingWindows,
        params: ManipulatorParams,
        supervision: RenderedLoss | None,
        checkpoint: Checkpoint,
        report: Callable[[int, Record], None],
        device: torch.device,
    ) -> None:
        self._manipulator = manipulator
        self._networks = manipulator.networks
        self._windows = windows
        self._params = params
        self._supervision = supervision
        self._checkpoint = checkpoint
        self._report = report
        self._device = device

    def run(self, progress: Progress) -> History:
        training = self._params.training
        self._manipulator.to(self._device).train()
        # Parameters without a gradient are left alone, so one optimiser serves all networks.
        self._optimizer = torch.optim.Adam(
            [{"params": list(net.parameters())} for net in self._networks.children()],
            lr=training.learning_rate,
            betas=_BETAS,
            fused=True,
        )
        names = [name for name, _ in self._networks.named_children()]
        history = History()
        first_step = 0
        saved = self._checkpoint.load()
        if saved is not None:
            self._manipulator.load_state_dict(saved["model"])
            self._optimizer.load_state_dict(saved["optimizer"])
            first_step = saved["step"]
            history = History(saved["steps"])
            for record in history.steps:
                self._tell(record)
        for step in range(first_step, training.steps):
            rate = decayed_rate(step, training.steps, training.decay_fraction)
            for name, group in zip(names, self._optimizer.param_groups, strict=True):
                share = training.mapping_rate if name == "mapping_network" else 1.0
                group["lr"] = rate * share * training.learning_rate
            batch = self._windows.draw(step, training.batch_windows)
            record = {"step": step + 1, **self._step(step, batch)}
            if not all(map(math.isfinite, record.values())):
                raise StageError(
                    f"manipulator: the loss at step {step + 1} is not finite; lower the training's "
                    "learning_rate"
                )
            history.steps.append(record)
            self._tell(record)
            done = step + 1
            if done % training.checkpoint_every_steps == 0 or done == training.steps:
                self._checkpoint.save(
                    step=done,
                    model=self._manipulator.state_dict(),
                    optimizer=self._optimizer.state_dict(),
                    steps=history.steps,
                )
            progress(done, training.steps)
        self._manipulator.cpu().eval()
        return history

    def _step(self, step: int, batch: Batch) -> Record:
        batch = Batch(*(part.to(self._device) for part in batch))
        scale, networks = self._manipulator.scale, self._networks
        source, reference = scale.normalise(batch.source), scale.normalise(batch.reference)
        styles: dict[str, Callable[[], Tensor]] = {
            "label": lambda: networks.mapping_network(batch.latent, batch.target_label),
            "reference": lambda: networks.style_encoder(reference),
        }
        with torch.no_grad():
            drawn = torch.cat([style() for style in styles.values()])
            generated = networks.generator(source.repeat(2, 1, 1), drawn).chunk(2)
        record: Record = {}
        for kind, made_up in zip(styles, generated, strict=True):
            against = discriminator_loss(
                networks, source, batch.source_label, made_up, batch.target_label
            )
            self._learn(against.total, networks.discriminator)
            record |= {
                f"{kind}/discriminator_real": float(against.real.detach()),
                f"{kind}/discriminator_made": float(against.made.detach()),
            }
        learners = {
            "label": (networks.generator, networks.mapping_network, networks.style_encoder),
            "reference": (networks.generator,),
        }
        training = self._params.training
        for kind, style in styles.items():
            made = generator_loss(
                networks,
                source,
                style(),
                batch.target_label,
                style_weight=training.style_weight,
                cycle_weight=training.cycle_weight,
                mouth_weight=training.mouth_weight,
            )
            total = made.total
            terms = {
                name: getattr(made, name) for name in ("adversarial", "style", "cycle", "mouth")
            }
            if self._supervision is not None and step % self._params.supervision.every_steps == 0:
                stccl = self._supervision(
                    scale.restore(made.generated), batch.source, batch.shape, step
                ).to(total)
                total = total + self._params.supervision.weight * stccl
                terms["stccl"] = stccl
            self._learn(total, *learners[kind])
            record |= {f"{kind}/{name}": float(value.detach()) for name, value in terms.items()}
        return record

    def _learn(self, loss: Tensor, *networks: nn.Module) -> None:
        self._optimizer.zero_grad()
        loss.backward(inputs=[p for network in networks for p in network.parameters()])  # type: ignore[no-untyped-call]
        self._optimizer.step()

    def _tell(self, record: Record) -> None:
        step = int(record["step"])
        self._report(step, {k: v for k, v in record.items() if k != "step"})
