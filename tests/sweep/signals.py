"""The tree's custom operators: signal processing, and what follows a detector.

Those with unsigned tensors stand in a chain that begins and ends with int16, as a model's inputs
and outputs are never uint32: energy, filter bank, square root, subtraction, gain control, log.
"""

from __future__ import annotations

import numpy as np

from tests.models import TENSOR_TYPES
from tests.sweep.draft import Draft, Feed, Quantization
from tests.sweep.elementwise import Family


def _lead(draft: Draft) -> tuple[int, ...]:
    return (draft.integer(1, 3),) if draft.chance(0.35) else ()


def window(draft: Draft) -> None:
    """SignalWindow: multiplied by a constant, shifted right."""
    size, lead = draft.integer(1, 64), _lead(draft)
    x = draft.input("INT16", (*lead, size))
    w = draft.constant("INT16", draft.rng.integers(0, 4096, size, endpoint=True))
    y = draft.output("INT16", (*lead, size))
    draft.custom(draft.operator, [x, w], [y], shift=draft.pick(12, 12, 10, 14))


def transform(draft: Draft) -> None:
    """SignalRfft and SignalIrfft."""
    length, lead = 2 ** draft.integer(3, 7), _lead(draft)
    spectrum = (*lead, length + 2)
    forward = draft.operator == "SignalRfft"
    samples = (*lead, draft.integer(length // 2, length) if forward else length)
    feed = Feed(-8000, 8000) if draft.type != "FLOAT32" else Feed()
    x = draft.input(draft.type, samples if forward else spectrum, feed=feed)
    y = draft.output(draft.type, spectrum if forward else samples)
    draft.custom(draft.operator, [x], [y], T=TENSOR_TYPES[draft.type], fft_length=length)


def auto_scale(draft: Draft) -> None:
    """SignalFftAutoScale: shifted left as far as it goes, with the count of bits."""
    size = draft.integer(1, 100)
    most = draft.pick(3, 100, 4000, 32767)
    x = draft.input("INT16", (size,), feed=Feed(-most, most))
    y, bits = draft.output("INT16", (size,)), draft.output("INT32", ())
    draft.custom(draft.operator, [x], [y, bits])


def delay(draft: Draft) -> None:
    """SignalDelay: its input some samples later."""
    shape = (*_lead(draft), draft.integer(1, 24))
    x = draft.input("INT16", shape)
    y = draft.output("INT16", shape)
    draft.stateful = True
    draft.custom(draft.operator, [x], [y], delay_length=draft.integer(1, 30))


def framer(draft: Draft) -> None:
    """SignalFramer: overlapping frames of a stream."""
    step, frames = draft.integer(1, 12), draft.integer(1, 3)
    size, lead = step * draft.integer(1, 3) + draft.integer(0, step - 1), _lead(draft)
    x = draft.input("INT16", (*lead, step * frames))
    y = draft.output("INT16", (*lead, frames, size))
    valid = draft.output("BOOL", ())
    draft.stateful = True
    # Without it the first frames are left unwritten.
    draft.custom(draft.operator, [x], [y, valid], frame_size=size, frame_step=step, prefill=True)


def overlap_add(draft: Draft) -> None:
    """SignalOverlapAdd: frames back to a stream."""
    step, frames = draft.integer(1, 10), draft.integer(1, 3)
    size, lead = step + draft.integer(0, 10), _lead(draft)
    x = draft.input(draft.type, (*lead, frames, size))
    y = draft.output(draft.type, (*lead, step * frames))
    draft.stateful = True
    draft.custom(draft.operator, [x], [y], T=TENSOR_TYPES[draft.type], frame_step=step)


def stacker(draft: Draft) -> None:
    """SignalStacker: frames with those before and after."""
    channels, left, right = draft.integer(1, 8), draft.integer(0, 3), 0
    x = draft.input("INT16", (channels,))
    y = draft.output("INT16", ((left + right + 1) * channels,))
    valid = draft.output("BOOL", ())
    draft.stateful = True
    draft.custom(
        draft.operator,
        [x],
        [y, valid],
        num_channels=channels,
        stacker_left_context=left,
        stacker_right_context=right,
        stacker_step=1,
    )


CHAIN = (
    "SignalEnergy",
    "SignalFilterBank",
    "SignalFilterBankSquareRoot",
    "SignalFilterBankSpectralSubtraction",
    "SignalPCAN",
)


def chain(draft: Draft) -> None:
    """Energy and what follows up to the main operator, then the logarithm to int16."""
    bins = draft.integer(4, 40)
    x = draft.input("INT16", (2 * bins,))
    here = draft.tensor("UINT32", (bins,))
    draft.custom("SignalEnergy", [x], [here], start_index=0, end_index=bins)
    last = CHAIN.index(draft.operator) if draft.operator in CHAIN else 0
    channels = bins
    if last >= 1:
        channels = draft.integer(1, 6)
        bits = draft.input("INT32", (), feed=Feed(0, 4))
        here = _filter_bank(draft, here, bins, channels)
        rooted = draft.tensor("UINT32", (channels,))
        draft.custom("SignalFilterBankSquareRoot", [here, bits], [rooted])
        here = rooted
    if last >= 3:
        subtracted, noise = (draft.tensor("UINT32", (channels,)) for _ in range(2))
        draft.stateful = True
        draft.custom(
            "SignalFilterBankSpectralSubtraction",
            [here],
            [subtracted, noise],
            alternate_one_minus_smoothing=15073,
            alternate_smoothing=1311,
            clamping=draft.chance(0.5),
            min_signal_remaining=819,
            num_channels=channels,
            one_minus_smoothing=15974,
            smoothing=410,
            smoothing_bits=10,
            spectral_subtraction_bits=14,
        )
        here = subtracted
        gained = draft.tensor("UINT32", (channels,))
        gains = draft.constant("INT16", draft.rng.integers(0, 3000, 128, endpoint=True))
        draft.custom("SignalPCAN", [here, noise, gains], [gained], snr_shift=draft.integer(4, 9))
        here = gained
    y = draft.output("INT16", (channels,))
    draft.custom("SignalFilterBankLog", [here], [y], input_correction_bits=3, output_scale=1600)


def _filter_bank(draft: Draft, energy: int, bins: int, channels: int) -> int:
    widths = [draft.integer(1, max(1, bins // (channels + 1))) for _ in range(channels + 1)]
    starts = [draft.integer(0, bins - width) for width in widths]
    places = [0, *np.cumsum(widths)[:-1].tolist()]
    total = sum(widths)
    weights = draft.rng.integers(0, 4096, total, endpoint=True)
    tables = [weights, 4096 - weights, starts, places, widths]
    constants = [draft.constant("INT16", table) for table in tables]
    y = draft.tensor("UINT64", (channels,))
    draft.custom("SignalFilterBank", [energy, *constants], [y], num_channels=channels)
    return y


def detection(draft: Draft) -> None:
    """TFLite_Detection_PostProcess: the best boxes of a detector, without overlaps."""
    anchors, classes = draft.integer(2, 12), draft.integer(1, 4)
    most, per_box = draft.integer(1, 4), 1
    background = draft.pick(0, 1)
    boxes, scores = draft.quantization(), draft.quantization()
    b = draft.input(draft.type, (1, anchors, 4), boxes)
    feed = Feed(0, 1) if draft.type == "FLOAT32" else Feed()
    s = draft.input(draft.type, (1, anchors, classes + background), scores, feed)
    places = draft.rng.uniform(0.2, 1, (anchors, 4))
    if draft.type == "FLOAT32":
        a = draft.constant("FLOAT32", places)
    else:
        values = draft.random(draft.type, (anchors, 4), Feed(10, 120))
        a = draft.constant(draft.type, values, Quantization(1 / 128, 0))
    y = [draft.output("FLOAT32", (1, most, 4))]
    y += [draft.output("FLOAT32", (1, most)) for _ in range(2)]
    y.append(draft.output("FLOAT32", (1,)))
    draft.custom(
        draft.operator,
        [b, s, a],
        y,
        detections_per_class=draft.integer(1, 3),
        h_scale=5.0,
        max_classes_per_detection=per_box,
        max_detections=most,
        nms_iou_threshold=float(draft.pick(0.3, 0.6)),
        nms_score_threshold=float(draft.pick(0.0, 0.3, 0.5)),
        num_classes=classes,
        use_regular_nms=draft.chance(0.5),
        w_scale=5.0,
        x_scale=10.0,
        y_scale=10.0,
    )


FAMILIES: dict[str, Family] = {
    "TFLite_Detection_PostProcess": detection,
    "SignalWindow": window,
    "SignalRfft": transform,
    "SignalIrfft": transform,
    "SignalFftAutoScale": auto_scale,
    "SignalDelay": delay,
    "SignalFramer": framer,
    "SignalOverlapAdd": overlap_add,
    "SignalStacker": stacker,
    **dict.fromkeys((*CHAIN, "SignalFilterBankLog"), chain),
}
TYPES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(FAMILIES, ("INT16",)),
    "TFLite_Detection_PostProcess": ("FLOAT32", "INT8", "UINT8"),
    "SignalRfft": ("INT16", "INT32", "FLOAT32"),
    "SignalIrfft": ("INT16", "INT32", "FLOAT32"),
    "SignalOverlapAdd": ("INT16", "FLOAT32"),
}
