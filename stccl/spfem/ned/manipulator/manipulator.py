"""A trained manipulator: what it is used for, saved, loaded, and read from published files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn

from stccl.checkpoint import load_weights, read_weights
from stccl.errors import StcclError
from stccl.saved import CONFIG_FILE, read_network, save_network
from stccl.spfem.ned.manipulator.median import geometric_median
from stccl.spfem.ned.manipulator.networks import Networks
from stccl.spfem.ned.manipulator.overlap import Ends, overlap_add, windows_of
from stccl.spfem.ned.manipulator.params import ManipulatorConfig
from stccl.spfem.ned.manipulator.signal import Scale
from stccl.spfem.ned.manipulator.takes import EMOTIONS

_BATCH_WINDOWS = 256
_LATENT_SHARE = 0.3
"""Of the usual spread of untrained layers: what noise changes in a style of an emotion."""


class Manipulator(nn.Module):
    """Translates what a face does to an emotion and leaves what it says.

    A signal is (T, N): per frame the jaw's opening (its rotation about x, rad) and the expression
    coefficients of a face model; see `signal_of`. A style is (S,).

    Source: Papantoniou et al., "Neural emotion director" (CVPR 2022), Section 3.2.

    Args:
        config: Sizes and the face model.
    """

    mean: Tensor
    spread: Tensor
    low: Tensor
    high: Tensor
    styles: Tensor
    shown: Tensor

    def __init__(self, config: ManipulatorConfig) -> None:
        super().__init__()
        self.config = config
        self.networks = Networks(config, len(EMOTIONS))
        for name, values in Scale.identity(config.coefficients)._asdict().items():
            self.register_buffer(name, values)
        self.register_buffer("styles", torch.zeros(len(EMOTIONS), config.style))
        self.register_buffer("shown", torch.zeros(len(EMOTIONS), dtype=torch.bool))

    @classmethod
    def initial(cls, config: ManipulatorConfig, seed: int, seen: Tensor | None = None) -> Self:
        """An untrained manipulator: the same for the same seed, torch's generator untouched.

        Linear layers are drawn as in He et al., "Delving deep into rectifiers" (ICCV 2015), with
        biases of 0; LSTMs as torch does. Styles of emotions begin apart: the mapping network's last
        biases are Gaussian, and its last weights, which spread the styles of an emotion, small.

        Args:
            config: Sizes and the face model.
            seed: Of the weights.
            seen: (K, N) frames to learn from, which the signal's scale is taken from; without them
                signals are left as they are.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            manipulator = cls(config)
            for layer in manipulator.modules():
                if isinstance(layer, nn.Linear):
                    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                    nn.init.zeros_(layer.bias)
            for last in manipulator.networks.mapping_network.last_layers:
                nn.init.normal_(last.bias)
                last.weight.data *= _LATENT_SHARE
        if seen is not None:
            manipulator.scale = Scale.of(seen)
        return manipulator

    @property
    def scale(self) -> Scale:
        """Between the coefficients and what the networks see."""
        return Scale(self.mean, self.spread, self.low, self.high)

    @scale.setter
    def scale(self, scale: Scale) -> None:
        for name, values in scale._asdict().items():
            getattr(self, name).copy_(values)

    @torch.no_grad()
    def restyle(self, signal: Tensor, style: Tensor, *, ends: Ends = "published") -> Tensor:
        """A signal in a style: windows a frame apart are translated and overlap; `overlap_add`.

        Fewer frames than a window has are one shorter window.

        Args:
            signal: (T, N) of frames that follow each other, T >= 1.
            style: (S,).
            ends: How the first and last frames are put together, see `overlap_add`; `blended` ones
                do not jump.

        Returns:
            (T, N), within what was seen in training.

        Raises:
            StcclError: Where the signal is not one of the manipulator's face model.
        """
        windows = self._windows(signal)
        styles = style.to(windows)[None]
        made = [
            self.networks.generator(part, styles.expand(len(part), -1))
            for part in torch.split(windows, _BATCH_WINDOWS)
        ]
        return self.scale.bound(self.scale.restore(overlap_add(torch.cat(made), ends))).to(signal)

    @torch.no_grad()
    def emotion_style(self, emotion: str) -> Tensor:
        """The style of an emotion, (S,): that of the clips learnt from, see `learn_styles`.

        A manipulator that was told of none, as the published ones are, draws one by its label.

        Raises:
            StcclError: For an emotion that is none of `EMOTIONS`, or that no clip showed.
        """
        place = _place(emotion)
        if not self.shown.any():
            return self.label_style(emotion)
        if not self.shown[place]:
            known = [name for name, one in zip(EMOTIONS, self.shown, strict=True) if one]
            raise StcclError(
                f"no clip that the model learnt from shows {emotion!r}; expected one of "
                f"{', '.join(known)}, or a reference that shows it"
            )
        return self.styles[place].clone()

    def learn_styles(self, performances: Mapping[str, Sequence[Tensor]]) -> None:
        """Keep what clips of every emotion have in common, the median of their styles.

        The mapping network's styles of a label need not lie near them: after short trainings that
        of one emotion or another lies where no clip's does, and leaves a face as it was.

        Args:
            performances: By emotion (T, N) each, as for `reference_style`.
        """
        for emotion, signals in performances.items():
            if signals:
                self.styles[_place(emotion)] = self.reference_style(*signals)
                self.shown[_place(emotion)] = True

    @torch.no_grad()
    def label_style(self, emotion: str, seed: int = 0) -> Tensor:
        """A style of an emotion as the mapping network draws it, (S,); other seeds give others.

        Raises:
            StcclError: For an emotion that is none of `EMOTIONS`.
        """
        noise = torch.randn(1, self.config.latent, generator=torch.Generator().manual_seed(seed))
        label = torch.tensor([_place(emotion)], device=self.mean.device)
        style: Tensor = self.networks.mapping_network(noise.to(self.mean), label)[0]
        return style

    @torch.no_grad()
    def reference_style(self, *signals: Tensor) -> Tensor:
        """The style of a performance, (S,): the geometric median over all its windows.

        Args:
            signals: (T, N) each, of frames that follow each other.

        Raises:
            StcclError: Where there is none, or none of the manipulator's face model.
        """
        windows = [
            part for each in signals for part in torch.split(self._windows(each), _BATCH_WINDOWS)
        ]
        if not windows:
            raise StcclError("a style needs a reference of at least one frame")
        styles = torch.cat([self.networks.style_encoder(part) for part in windows])
        return torch.from_numpy(geometric_median(styles.cpu().numpy())).to(styles)

    def save(self, folder: Path) -> None:
        """Write `config.json` and `model.safetensors`; the same weights give the same bytes."""
        save_network(folder, self.config, self.state_dict())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """A saved manipulator, on the CPU.

        Args:
            folder: Where `save` wrote it.

        Raises:
            StcclError: Where there is none.
        """
        config, state = read_network(folder, ManipulatorConfig, "manipulator")
        manipulator = cls(config)
        load_weights(manipulator, state, f"{folder}: weights that do not fit {CONFIG_FILE}")
        return manipulator.eval()

    @classmethod
    def from_published(cls, path: Path) -> Self:
        """From `<epoch>_nets.pth` or `<epoch>_nets_finetuned.pth` of NED, for DECA's coefficients.

        The file holds a state dict for each of the networks; a discriminator may be missing and is
        then untrained. Nothing in it is executed.

        Raises:
            StcclError: Where the file is no such file, naming keys that do not fit.
        """
        held = read_weights(path)
        manipulator = cls.initial(ManipulatorConfig(), seed=0)
        missing = [
            name
            for name in ("generator", "mapping_network", "style_encoder")
            if not isinstance(held.get(name), dict)
        ]
        if missing:
            raise StcclError(f"{path}: not a published manipulator: no {', '.join(missing)} in it")
        for name, network in manipulator.networks.named_children():
            if name in held:
                complaint = f"{path}: not a published manipulator: {name}"
                load_weights(network, held[name], complaint)
        return manipulator.eval()

    def _windows(self, signal: Tensor) -> Tensor:
        if signal.ndim != 2 or signal.shape[1] != self.config.coefficients or not len(signal):
            raise StcclError(
                f"a signal of shape {tuple(signal.shape)}; the manipulator for the face model "
                f"{self.config.face_model} takes (frames, {self.config.coefficients})"
            )
        normalised = self.scale.normalise(signal.to(self.mean))
        return windows_of(normalised, self.config.window_frames)


def _place(emotion: str) -> int:
    if emotion not in EMOTIONS:
        raise StcclError(f"no emotion {emotion!r}; expected one of {', '.join(EMOTIONS)}")
    return EMOTIONS.index(emotion)
