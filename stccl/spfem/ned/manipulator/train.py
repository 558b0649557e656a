"""Training the manipulator: on a CPU exact to the bit, interrupted or not."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from stccl.errors import StageError
from stccl.spfem.ned.manipulator.losses import discriminator_loss, generator_loss, mean_difference
from stccl.spfem.ned.manipulator.manipulator import Manipulator
from stccl.spfem.ned.manipulator.params import ManipulatorParams
from stccl.spfem.ned.manipulator.rendered import RenderedLoss
from stccl.spfem.ned.manipulator.takes import Batch, TrainingWindows
from stccl.training.exact import deterministic
from stccl.training.rate import rate_left
from stccl.training.record import Progress, Record, Report, require_finite
from stccl.training.resume import Checkpoint

_BETAS = (0.0, 0.99)


def train(
    manipulator: Manipulator,
    windows: TrainingWindows,
    params: ManipulatorParams,
    *,
    supervision: RenderedLoss | None,
    checkpoint: Checkpoint,
    progress: Progress,
    report: Report,
) -> None:
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
    with deterministic(device.type == "cpu"):
        training.run(progress)


class _Training:
    def __init__(
        self,
        manipulator: Manipulator,
        windows: TrainingWindows,
        params: ManipulatorParams,
        supervision: RenderedLoss | None,
        checkpoint: Checkpoint,
        report: Report,
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

    def run(self, progress: Progress) -> None:
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
        records: list[Record] = []
        saved = self._checkpoint.load()
        if saved is not None:
            self._manipulator.load_state_dict(saved["model"])
            self._optimizer.load_state_dict(saved["optimizer"])
            records = saved["records"]
            for done, record in enumerate(records, start=1):
                self._report(done, record)
        for step in range(len(records), training.steps):
            rate = rate_left(step, training.steps, training.decay_fraction)
            for name, group in zip(names, self._optimizer.param_groups, strict=True):
                share = training.mapping_rate if name == "mapping_network" else 1.0
                group["lr"] = rate * share * training.learning_rate
            batch = self._windows.draw(step, training.batch_windows)
            records.append(self._step(step, batch))
            done = step + 1
            require_finite(records[-1], "manipulator", done, "lower the training's learning_rate")
            self._report(done, records[-1])
            if done % training.checkpoint_every_steps == 0 or done == training.steps:
                self._checkpoint.save(
                    model=self._manipulator.state_dict(),
                    optimizer=self._optimizer.state_dict(),
                    records=records,
                )
            progress(done, training.steps)
        self._manipulator.cpu().eval()

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
            if kind == "label" and training.label_weight:
                terms["real"] = mean_difference(networks.style_encoder(reference), style())
                total = total + training.label_weight * terms["real"]
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
