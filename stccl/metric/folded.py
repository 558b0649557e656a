"""The backbone of a frozen metric: the same function in fewer and cheaper steps."""

from typing import Any, NamedTuple, Self, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from stccl.metric.activation import prelu_input_gradient
from stccl.metric.backbone import IResNet, ResidualBlock


class FoldedIResNet:
    """An IResNet in evaluation mode with its batch norms folded into its convolutions.

    A norm after a convolution folds exactly. So does the scale of the norm before one; its shift
    does not where the convolution meets the zeros around the map, and is corrected there. For
    gradients, which reach the images alone, nothing is kept but the inputs of the activations.

    In half precision a gradient errs where a rounded value has changed sides of its activation's
    kink, and all of it comes through the first block: images that need gradients pass it in single
    precision (cosine with the exact gradient 0.991 instead of 0.987 at 224 px, random weights).

    Args:
        backbone: Where the weights come from; they are copied.
        dtype: What is computed in, and the type of the maps.
    """

    def __init__(self, backbone: IResNet, dtype: torch.dtype) -> None:
        wide = torch.promote_types(dtype, torch.float32)
        self._dtype = dtype
        self._stems = {kind: _Stem.of(backbone, kind) for kind in (dtype, wide)}
        levels = [
            [_Block.of(cast(ResidualBlock, block)) for block in level]
            for level in (backbone.layer1, backbone.layer2, backbone.layer3, backbone.layer4)
        ]
        self._levels = [[block.to(dtype) for block in level] for level in levels]
        self._first = {wide: levels[0][0].to(wide), dtype: self._levels[0][0]}
        self._wide = wide

    def __call__(self, images: Tensor) -> tuple[Tensor, ...]:
        """As `IResNet.forward`, for sides of at least 33 px."""
        with torch.autocast(images.device.type, enabled=False):
            if torch.is_grad_enabled() and images.requires_grad:
                return cast(tuple[Tensor, ...], _through(images, self))
            return self._maps(images, self._dtype, None)

    def _maps(
        self, images: Tensor, first: torch.dtype, kept: list[Tensor] | None
    ) -> tuple[Tensor, ...]:
        """Forward, with stem and first block in the type `first`; fills `kept` for `_gradient`."""
        x = torch.cat([self._begin(piece, first, kept) for piece in _pieces(images)])
        found = []
        for number, level in enumerate(self._levels):
            for block in level[number == 0 :]:
                x, inner = block.forward(x)
                _keep(inner, kept)
                del inner
            found.append(x)
        return tuple(found)

    def _begin(self, images: Tensor, first: torch.dtype, kept: list[Tensor] | None) -> Tensor:
        stem, block = self._stems[first], self._first[first]
        x = images.to(first).contiguous(memory_format=torch.channels_last)
        inner = functional.conv2d(x, stem.weight, stem.bias, padding=1)
        _keep(inner, kept)
        x, inner = block.forward(functional.prelu(inner, stem.slope))
        _keep(inner, kept)
        return x.to(self._dtype)

    def _gradient(self, of_maps: tuple[Tensor | None, ...], kept: list[Tensor]) -> Tensor | None:
        """Gradient of the images from those of the maps; takes everything out of `kept`."""
        found: Tensor | None = None
        for number, of_map in reversed(list(enumerate(of_maps))):
            if of_map is not None:
                of_map = of_map.contiguous(memory_format=torch.channels_last)
                found = of_map if found is None else found.add_(of_map)
            for block in reversed(self._levels[number][number == 0 :]):
                inner = kept.pop()
                found = None if found is None else block.gradient(found, inner.to(self._dtype))
        if found is None:
            return None
        pieces = [self._begin_gradient(piece, kept) for piece in reversed(_pieces(found))]
        return torch.cat(pieces[::-1])

    def _begin_gradient(self, of_begun: Tensor, kept: list[Tensor]) -> Tensor:
        stem, block = self._stems[self._dtype], self._levels[0][0]
        found = block.gradient(of_begun, kept.pop().to(self._dtype))
        inner = kept.pop().to(self._dtype)
        found = prelu_input_gradient(found, inner, stem.slope)
        return _of_input(found, stem.weight, inner.shape[2:])


def _pieces(batch: Tensor) -> tuple[Tensor, ...]:
    """What passes the largest maps at once: a GPU wants many images, a processor's memory one."""
    return torch.split(batch, 1) if batch.device.type == "cpu" else (batch,)


class _Differentiable(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, folded: FoldedIResNet) -> tuple[Tensor, ...]:
        kept: list[Tensor] = []
        maps = folded._maps(images, folded._wide, kept)
        ctx.save_for_backward(*kept)
        ctx.folded = folded
        ctx.set_materialize_grads(False)
        return maps

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *of_maps: Tensor | None) -> tuple[Tensor | None, None]:
        return ctx.folded._gradient(of_maps, list(ctx.saved_tensors)), None


_through: Any = _Differentiable.apply


def _keep(inner: Tensor, kept: list[Tensor] | None) -> None:
    """Only the sign matters for gradients, and two bytes have that as well."""
    if kept is not None:
        kept.append(inner.to(torch.bfloat16))


class _Stem(NamedTuple):
    """PReLU(conv(x))."""

    weight: Tensor
    bias: Tensor
    slope: Tensor

    @classmethod
    def of(cls, backbone: IResNet, dtype: torch.dtype) -> Self:
        scale, shift = _affine(backbone.bn1)
        weight = scale.view(-1, 1, 1, 1) * backbone.conv1.weight.double()
        return cls(_laid_out(weight, dtype), shift.to(dtype), backbone.prelu.weight.to(dtype))


class _Block(NamedTuple):
    """A residual block: conv2(PReLU(conv1(x))) plus x, or plus the shortcut of x."""

    conv1: Tensor
    bias1: Tensor
    border: Tensor
    """(C, 3, 3): what the zeros around the map lack of the shift in its first, inner and last rows
    and columns."""
    slope: Tensor
    conv2: Tensor
    bias2: Tensor
    shortcut: Tensor | None
    stride: int

    @classmethod
    def of(cls, block: ResidualBlock) -> Self:
        """In double precision."""
        (scale1, shift1), (scale2, shift2), (scale3, shift3) = (
            _affine(norm) for norm in (block.bn1, block.bn2, block.bn3)
        )
        conv1 = scale2.view(-1, 1, 1, 1) * block.conv1.weight.double()
        # What becomes of the shift alone on a map of 3×3, which has every kind of row and column.
        alone = functional.conv2d(shift1.view(1, -1, 1, 1).expand(-1, -1, 3, 3), conv1, padding=1)
        inner = alone[0, :, 1:2, 1:2]
        shortcut = None
        if not isinstance(block.downsample, nn.Identity):
            convolution, norm = cast(tuple[nn.Conv2d, nn.BatchNorm2d], block.downsample)
            scale, shift = _affine(norm)
            shortcut = scale.view(-1, 1, 1, 1) * convolution.weight.double()
            shift3 = shift3 + shift
        return cls(
            conv1=conv1 * scale1.view(1, -1, 1, 1),
            bias1=inner.flatten() + shift2,
            border=alone[0] - inner,
            slope=block.prelu.weight.double(),
            conv2=scale3.view(-1, 1, 1, 1) * block.conv2.weight.double(),
            bias2=shift3,
            shortcut=shortcut,
            stride=block.conv2.stride[0],
        )

    def to(self, dtype: torch.dtype) -> Self:
        """The same in another type, laid out for convolutions."""
        return type(self)(
            *(_laid_out(v, dtype) if isinstance(v, Tensor) else v for v in self)  # type: ignore[arg-type]
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What comes out, and the input of the activation."""
        inner = functional.conv2d(x, self.conv1, self.bias1, padding=1)
        kinds = (slice(0, 1), slice(1, -1), slice(-1, None))
        for i, rows in enumerate(kinds):
            for j, columns in enumerate(kinds):
                if (i, j) != (1, 1):
                    inner[:, :, rows, columns] += self.border[:, i : i + 1, j : j + 1]
        activated = functional.prelu(inner, self.slope)
        out = functional.conv2d(activated, self.conv2, self.bias2, self.stride, padding=1)
        shortcut = self.shortcut
        out += x if shortcut is None else functional.conv2d(x, shortcut, stride=self.stride)
        return out, inner

    def gradient(self, of_out: Tensor, inner: Tensor) -> Tensor:
        """Gradient of x."""
        size = inner.shape[2:]
        found = _of_input(of_out, self.conv2, size, self.stride)
        found = prelu_input_gradient(found, inner, self.slope)
        found = _of_input(found, self.conv1, size)
        shortcut = self.shortcut
        found += of_out if shortcut is None else _of_input(of_out, shortcut, size, self.stride)
        return found


def _of_input(gradient: Tensor, weight: Tensor, size: torch.Size, stride: int = 1) -> Tensor:
    """Gradient of the input of a convolution, 3×3 with zeros around the map or 1×1."""
    shape = (len(gradient), weight.shape[1], *size)
    # Only the shape of the input matters. `torch.nn.grad.conv2d_input` asks in a way that makes a
    # copy of that size.
    like = torch.empty(
        shape, dtype=gradient.dtype, device=gradient.device, memory_format=torch.channels_last
    )
    padding = weight.shape[-1] // 2
    found, _, _ = torch.ops.aten.convolution_backward(
        gradient,
        like,
        weight,
        None,
        (stride, stride),
        (padding, padding),
        (1, 1),
        False,
        (0, 0),
        1,
        (True, False, False),
    )
    return cast(Tensor, found)


def _affine(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Scale and shift of a norm with running statistics, in double precision."""
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None
    assert variance is not None
    scale = norm.weight.double() * torch.rsqrt(variance.double() + norm.eps)
    return scale, norm.bias.double() - scale * mean.double()


def _laid_out(values: Tensor, dtype: torch.dtype) -> Tensor:
    """Convolutions on the CPU are about twice as fast where channels lie together."""
    values = values.detach().to(dtype)
    if values.ndim < 4:
        return values
    return values.contiguous(memory_format=torch.channels_last)


class Folding:
    """The folded copy of a backbone, made when it is asked for and when weights have changed."""

    def __init__(self) -> None:
        self._made_of: tuple[object, ...] = ()
        self._folded: FoldedIResNet | None = None

    def __call__(self, backbone: IResNet, dtype: torch.dtype) -> FoldedIResNet:
        """The copy for now."""
        state = (*backbone.parameters(), *backbone.buffers())
        made_of = (dtype, *((t.data_ptr(), 0 if t.is_inference() else t._version) for t in state))
        if self._folded is None or made_of != self._made_of:
            with torch.no_grad():
                self._folded, self._made_of = FoldedIResNet(backbone, dtype), made_of
        return self._folded

    def __reduce__(self) -> tuple[type["Folding"], tuple[()]]:
        return Folding, ()  # copies and pickles make their own
