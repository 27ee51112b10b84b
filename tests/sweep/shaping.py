"""Operators that move, copy or pick elements, and those that reduce an axis."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from tests.models import TENSOR_TYPES
from tests.sweep.draft import Draft, Feed, Quantization

Family = Callable[[Draft], None]


def _axis(draft: Draft, rank: int) -> tuple[int, int]:
    """An axis as written, maybe from the end, and the same from the front."""
    axis = draft.integer(0, rank - 1)
    return (axis - rank if draft.chance(0.4) else axis), axis


def _source(draft: Draft, shape: tuple[int, ...]) -> tuple[int, Quantization | None]:
    quantization = draft.quantization()
    return draft.input(draft.type, shape, quantization), quantization


def reshape(draft: Draft) -> None:
    """To the same elements in another order of axes; the new shape constant or an option."""
    shape = draft.shape(1, 5)
    elements = prod(shape)
    result: list[int] = []
    while elements > 1 and len(result) < 4:
        factors = [n for n in range(1, elements + 1) if elements % n == 0]
        result.append(int(draft.pick(*factors)))
        elements //= result[-1]
    result.append(elements)
    x, quantization = _source(draft, shape)
    written = list(result)
    if draft.chance(0.4):
        written[draft.integer(0, len(written) - 1)] = -1
    inputs = [x]
    if draft.chance(0.8):
        inputs.append(draft.constant("INT32", written))
    draft.output(draft.type, result, quantization)
    draft.add(inputs, newShape=np.array(written, np.int32))


def squeeze(draft: Draft) -> None:
    """Without some or all axes of size 1."""
    shape = tuple(1 if draft.chance(0.5) else n for n in draft.shape(1, 5))
    ones = [i for i, n in enumerate(shape) if n == 1]
    gone = [i for i in ones if draft.chance(0.7)] or ones
    named = [] if gone == ones and draft.chance(0.4) else gone
    written = [i - len(shape) if draft.chance(0.3) else i for i in named]
    x, quantization = _source(draft, shape)
    draft.output(draft.type, [n for i, n in enumerate(shape) if i not in gone], quantization)
    draft.add([x], squeezeDims=np.array(written, np.int32))


def expand_dims(draft: Draft) -> None:
    """With one more axis."""
    shape = draft.shape(0, 5)
    axis = draft.integer(-len(shape) - 1, len(shape))
    place = axis if axis >= 0 else axis + len(shape) + 1
    x, quantization = _source(draft, shape)
    a = draft.constant("INT32", draft.pick([axis], axis))
    draft.note("axis", axis)
    draft.output(draft.type, (*shape[:place], 1, *shape[place:]), quantization)
    draft.add([x, a])


def transpose(draft: Draft) -> None:
    """Axes in another order."""
    shape = draft.shape(1, 6, 5)
    order = [int(i) for i in draft.rng.permutation(len(shape))]
    x, quantization = _source(draft, shape)
    p = draft.constant("INT32", order)
    draft.note("order", order)
    draft.output(draft.type, [shape[i] for i in order], quantization)
    draft.add([x, p])


def pad(draft: Draft) -> None:
    """PAD with zeros, PADV2 with a value, MIRROR_PAD with what is there."""
    shape = draft.shape(1, 5, 6)
    mirror = draft.operator == "MIRROR_PAD"
    mode = draft.pick(0, 1) if mirror else 0
    margins = np.array(
        [[draft.integer(0, max(0, n - 1 + mode) if mirror else 3) for _ in "ab"] for n in shape]
    )
    x, quantization = _source(draft, shape)
    inputs = [x, draft.constant(draft.pick("INT32", "INT32", "INT64"), margins)]
    if draft.operator == "PADV2":
        value = draft.random(draft.type, draft.pick((1,), ()))
        inputs.append(draft.constant(draft.type, value, quantization))
    draft.note("margins", margins.tolist())
    result = [n + int(m.sum()) for n, m in zip(shape, margins, strict=True)]
    other = quantization if draft.chance(0.93) else draft.quantization()
    draft.output(draft.type, result, other)
    draft.add(inputs, **({"mode": mode} if mirror else {}))


def slice_(draft: Draft) -> None:
    """A block; a size of -1 goes to the end."""
    shape = draft.shape(1, 5)
    begin = [draft.integer(0, n - 1) for n in shape]
    size = [draft.integer(1, n - b) for n, b in zip(shape, begin, strict=True)]
    written = list(size)
    for i, n in enumerate(shape):
        if begin[i] + size[i] == n and draft.chance(0.4):
            written[i] = -1
    type_ = draft.pick("INT32", "INT32", "INT64")
    x, quantization = _source(draft, shape)
    inputs = [x, draft.constant(type_, begin), draft.constant(type_, written)]
    draft.note("begin", begin)
    draft.note("size", written)
    draft.output(draft.type, size, quantization)
    draft.add(inputs)


def strided_slice(draft: Draft) -> None:
    """With negative strides, masks, shrunk axes, indices from the end or beyond it."""
    shape = draft.shape(1, 5)
    begin, end, stride, result = [], [], [], []
    masks = dict.fromkeys(("beginMask", "endMask", "shrinkAxisMask"), 0)
    for i, n in enumerate(shape):
        step = draft.pick(1, 1, 1, 2, 3, -1, -2)
        first = draft.integer(0, n - 1)
        if draft.chance(0.15):
            masks["shrinkAxisMask"] |= 1 << i
            begin.append(first - n if draft.chance(0.4) else first)
            end.append(first + 1)
            stride.append(1)
            continue
        last = draft.integer(first + 1, n) if step > 0 else draft.integer(0, first) - 1
        from_start, to_end = draft.chance(0.2), draft.chance(0.2) or last < 0
        if from_start:
            masks["beginMask"] |= 1 << i
            first = 0 if step > 0 else n - 1
        if to_end:
            masks["endMask"] |= 1 << i
            last = n if step > 0 else -1
        count = len(range(first, last, step))
        if count == 0:
            masks["beginMask"] |= 1 << i
            masks["endMask"] |= 1 << i
            count = len(range(n)[::step])
        begin.append(first - n if draft.chance(0.2) else first)
        written = last if last >= 0 else 0
        end.append(written + draft.integer(0, 3) if step > 0 and last == n else written)
        stride.append(step)
        result.append(count)
    x, quantization = _source(draft, shape)
    inputs = [x, *(draft.constant("INT32", values) for values in (begin, end, stride))]
    for name, values in (("begin", begin), ("end", end), ("stride", stride)):
        draft.note(name, values)
    draft.output(draft.type, result, quantization)
    draft.add(inputs, **masks, ellipsisMask=0, newAxisMask=0)


def split(draft: Draft) -> None:
    """SPLIT into equal parts, SPLIT_V into parts of given sizes."""
    shape = list(draft.shape(1, 5, 6))
    written, axis = _axis(draft, len(shape))
    parts = draft.integer(1, 4)
    sizes = [draft.integer(1, 4) for _ in range(parts)]
    if draft.operator == "SPLIT":
        sizes = [sizes[0]] * parts
    shape[axis] = sum(sizes)
    x, quantization = _source(draft, tuple(shape))
    a = draft.constant("INT32", draft.pick([written], written))
    if draft.operator == "SPLIT":
        inputs = [a, x]
    else:
        told = list(sizes)
        if draft.chance(0.3):
            told[draft.integer(0, parts - 1)] = -1
        inputs = [x, draft.constant(draft.pick("INT32", "INT32", "INT64"), told), a]
    for size in sizes:
        draft.output(draft.type, [*shape[:axis], size, *shape[axis + 1 :]], quantization)
    draft.note("axis", written)
    draft.add(inputs, numSplits=parts)


def pack(draft: Draft) -> None:
    """Tensors side by side along a new axis."""
    shape = draft.shape(0, 4, 6)
    count = draft.integer(1, 4)
    axis = draft.integer(-len(shape) - 1, len(shape))
    place = axis if axis >= 0 else axis + len(shape) + 1
    quantization = draft.quantization()
    inputs = [draft.operand(shape, quantization) for _ in range(count)]
    draft.output(draft.type, (*shape[:place], count, *shape[place:]), quantization)
    draft.add(inputs, valuesCount=count, axis=axis)


def unpack(draft: Draft) -> None:
    """One tensor for each index of an axis."""
    shape = draft.shape(1, 5, 4)
    written, axis = _axis(draft, len(shape))
    x, quantization = _source(draft, shape)
    for _ in range(shape[axis]):
        draft.output(draft.type, (*shape[:axis], *shape[axis + 1 :]), quantization)
    draft.add([x], num=shape[axis], axis=written)


def concatenation(draft: Draft) -> None:
    """Along an axis; now and then with scales that differ, or an activation."""
    shape = list(draft.shape(1, 5, 6))
    written, axis = _axis(draft, len(shape))
    quantization = draft.quantization()
    inputs, total = [], 0
    for _ in range(draft.integer(1, 5)):
        shape[axis] = draft.integer(1, 5)
        total += shape[axis]
        own = quantization if draft.chance(0.95) else draft.quantization()
        inputs.append(draft.operand(tuple(shape), own))
    shape[axis] = total
    draft.output(draft.type, shape, quantization)
    draft.add(
        inputs,
        axis=written,
        fusedActivationFunction=draft.activation() if draft.chance(0.05) else 0,
    )


def gather(draft: Draft) -> None:
    """GATHER along an axis, with batch dimensions at times."""
    shape = draft.shape(1, 4)
    axis = draft.integer(0, len(shape) - 1)
    batch = draft.integer(0, axis) if draft.chance(0.2) else 0
    places = (*shape[:batch], *draft.shape(0, 2, 5))
    x, quantization = _source(draft, shape)
    feed = Feed(0, shape[axis] - 1)
    index = draft.pick("INT32", "INT32", "INT32", "INT64")
    p = (
        draft.input(index, places, feed=feed)
        if draft.chance(0.6)
        else draft.constant(index, draft.random(index, places, feed))
    )
    result = (*shape[:axis], *places[batch:], *shape[axis + 1 :])
    draft.output(draft.type, result, quantization)
    draft.add([x, p], axis=axis - len(shape) if draft.chance(0.2) else axis, batchDims=batch)


def gather_nd(draft: Draft) -> None:
    """Slices by index tuples, all axes within the smallest."""
    shape = draft.shape(1, 5, 5)
    depth = draft.integer(1, len(shape))
    places = (*draft.shape(0, 2, 4), depth)
    x, quantization = _source(draft, shape)
    index = draft.pick("INT32", "INT32", "INT32", "INT64")
    values = np.stack([draft.rng.integers(0, n, places[:-1]) for n in shape[:depth]], axis=-1)
    feed = Feed(0, min(shape[:depth]) - 1)
    p = (
        draft.input(index, places, feed=feed)
        if draft.chance(0.5)
        else draft.constant(index, values)
    )
    draft.output(draft.type, (*places[:-1], *shape[depth:]), quantization)
    draft.add([x, p])


def depth_space(draft: Draft) -> None:
    """DEPTH_TO_SPACE and back."""
    block = draft.integer(1, 3)
    small = (draft.pick(1, 1, 2), draft.integer(1, 4), draft.integer(1, 4), draft.integer(1, 4))
    large = (small[0], small[1] * block, small[2] * block, small[3])
    deep = (*small[:3], small[3] * block * block)
    to_space = draft.operator == "DEPTH_TO_SPACE"
    x, quantization = _source(draft, deep if to_space else large)
    draft.output(draft.type, large if to_space else deep, quantization)
    draft.add([x], blockSize=block)


def batch_space(draft: Draft) -> None:
    """SPACE_TO_BATCH_ND and back, of rank 3 and 4, padded or cropped."""
    axes = draft.pick(2, 2, 1)
    blocks = [draft.integer(1, 3) for _ in range(axes)]
    spatial = [draft.integer(1, 4) for _ in range(axes)]
    full = [s * b for s, b in zip(spatial, blocks, strict=True)]
    cut = [[draft.integer(0, min(2, n - 1)), 0] for n in full]
    for n, pair in zip(full, cut, strict=True):
        pair[1] = draft.integer(0, min(2, n - 1 - pair[0]))
    inner = [n - sum(pair) for n, pair in zip(full, cut, strict=True)]
    batch, channels = draft.pick(1, 1, 2), draft.integer(1, 4)
    whole = (batch, *inner, channels)
    split_up = (batch * prod(blocks), *spatial, channels)
    to_batch = draft.operator == "SPACE_TO_BATCH_ND"
    x, quantization = _source(draft, whole if to_batch else split_up)
    inputs = [x, draft.constant("INT32", blocks), draft.constant("INT32", cut)]
    draft.note("blocks", blocks)
    draft.note("margins", cut)
    draft.output(draft.type, split_up if to_batch else whole, quantization)
    draft.add(inputs)


def broadcast_to(draft: Draft) -> None:
    """A tensor repeated to a larger shape."""
    result = draft.shape(1, 6, 5)
    shape = tuple(1 if draft.chance(0.4) else n for n in result)[
        draft.integer(0, len(result) - 1) :
    ]
    x, quantization = _source(draft, shape)
    s = draft.constant(draft.pick("INT32", "INT32", "INT64"), result)
    draft.output(draft.type, result, quantization)
    draft.add([x, s], version=2)


def broadcast_args(draft: Draft) -> None:
    """The shape that two shapes broadcast to; the main type is theirs."""
    rank, short = draft.integer(1, 5), draft.integer(1, 5)
    a = draft.input(draft.type, (rank,), feed=Feed(1, 9))
    b = draft.constant(draft.type, [1] * short)
    draft.output(draft.type, (max(rank, short),))
    draft.add([a, b] if draft.chance(0.5) else [b, a])


def fill(draft: Draft) -> None:
    """A tensor of one value."""
    shape = draft.shape(1, 4)
    s = draft.constant(draft.pick("INT32", "INT32", "INT64"), shape)
    quantization = draft.quantization()
    x = draft.input(draft.type, (), quantization)
    draft.output(draft.type, shape, quantization)
    draft.add([s, x])


def shape_(draft: Draft) -> None:
    """The shape of its input."""
    shape = draft.any_shape() or (1,)
    x, _ = _source(draft, shape)
    type_ = draft.pick("INT32", "INT32", "INT32", "INT64")
    draft.output(type_, (len(shape),))
    draft.add([x], outType=TENSOR_TYPES[type_])


def embedding_lookup(draft: Draft) -> None:
    """Rows of a constant table."""
    rows, width = draft.integer(1, 12), draft.shape(1, 3, 6)
    quantization = draft.quantization()
    p = draft.input("INT32", (draft.integer(1, 6),), feed=Feed(0, rows - 1))
    table = draft.constant(draft.type, draft.random(draft.type, (rows, *width)), quantization)
    draft.output(draft.type, (draft.tensors[p].shape[0], *width), quantization)
    draft.add([p, table])


def resize(draft: Draft) -> None:
    """RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR, larger and smaller."""
    size = (draft.pick(1, 1, 2), draft.integer(1, 7), draft.integer(1, 7), draft.integer(1, 4))
    new = (draft.integer(1, 12), draft.integer(1, 12))
    x, quantization = _source(draft, size)
    s = draft.constant("INT32", new)
    draft.output(draft.type, (size[0], *new, size[3]), quantization)
    align, half = draft.pick((False, False), (True, False), (False, True))
    draft.add([x, s], alignCorners=align, halfPixelCenters=half)


def cumsum(draft: Draft) -> None:
    """Running sums along an axis."""
    shape = draft.shape(1, 4)
    written, _ = _axis(draft, len(shape))
    x, quantization = _source(draft, shape)
    a = draft.constant("INT32", written)
    draft.output(draft.type, shape, draft.near(quantization))
    draft.note("axis", written)
    draft.add([x, a], exclusive=draft.chance(0.5), reverse=draft.chance(0.5))


def reduce_(draft: Draft) -> None:
    """MEAN, SUM, REDUCE_MAX over one or more axes."""
    shape = draft.shape(1, 5)
    axes = sorted({draft.integer(0, len(shape) - 1) for _ in range(draft.integer(1, len(shape)))})
    if len(shape) == 4 and draft.chance(0.4):
        axes = [1, 2]
    keep = draft.chance(0.5)
    written: list[int] = [a - len(shape) if draft.chance(0.25) else a for a in axes]
    if draft.chance(0.3):
        written.reverse()
    x, quantization = _source(draft, shape)
    one = len(written) == 1 and draft.chance(0.3)
    a = draft.constant("INT32", written[0] if one else written)
    result = [1 if i in axes else n for i, n in enumerate(shape) if keep or i not in axes]
    target = draft.near(quantization)
    if draft.operator == "SUM" and quantization is not None and draft.chance(0.6):
        count = prod(shape[i] for i in axes)
        target = Quantization(quantization.scale * count**0.5, quantization.zero_point)
    draft.output(draft.type, result, target)
    draft.note("axes", written)
    draft.add([x, a], keepDims=keep)


def arg(draft: Draft) -> None:
    """ARG_MAX and ARG_MIN along an axis."""
    shape = draft.shape(1, 4)
    written, axis = _axis(draft, len(shape))
    x, _ = _source(draft, shape)
    a = draft.constant("INT32", draft.pick([written], written))
    type_ = draft.pick("INT32", "INT32", "INT32", "INT64")
    draft.output(type_, [*shape[:axis], *shape[axis + 1 :]])
    draft.note("axis", written)
    draft.add([x, a], outputType=TENSOR_TYPES[type_])


FAMILIES: dict[str, Family] = {
    "RESHAPE": reshape,
    "SQUEEZE": squeeze,
    "EXPAND_DIMS": expand_dims,
    "TRANSPOSE": transpose,
    "PAD": pad,
    "PADV2": pad,
    "MIRROR_PAD": pad,
    "SLICE": slice_,
    "STRIDED_SLICE": strided_slice,
    "SPLIT": split,
    "SPLIT_V": split,
    "PACK": pack,
    "UNPACK": unpack,
    "CONCATENATION": concatenation,
    "GATHER": gather,
    "GATHER_ND": gather_nd,
    "DEPTH_TO_SPACE": depth_space,
    "SPACE_TO_DEPTH": depth_space,
    "BATCH_TO_SPACE_ND": batch_space,
    "SPACE_TO_BATCH_ND": batch_space,
    "BROADCAST_TO": broadcast_to,
    "BROADCAST_ARGS": broadcast_args,
    "FILL": fill,
    "SHAPE": shape_,
    "EMBEDDING_LOOKUP": embedding_lookup,
    "RESIZE_BILINEAR": resize,
    "RESIZE_NEAREST_NEIGHBOR": resize,
    "CUMSUM": cumsum,
    "MEAN": reduce_,
    "SUM": reduce_,
    "REDUCE_MAX": reduce_,
    "ARG_MAX": arg,
    "ARG_MIN": arg,
}
