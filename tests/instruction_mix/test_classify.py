from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from hil.instruction_mix.classify import instruction_class, split_instructions
from hil.vocab import InstructionClass

ASSEMBLER = "arm-none-eabi-as"
HEADER = ".syntax unified\n.cpu cortex-m7\n.fpu fpv5-sp-d16\n.thumb\n"

EXAMPLES = {
    InstructionClass.LOAD: """
        ldr r0, [r1]; ldr.w r0, [r1, #400]; ldr r0, [pc, #8]; ldrb r0, [r1]; ldrsh r0, [r1, r2]
        ldrd r0, r1, [r2]; ldrex r0, [r1]; ldrt r0, [r1]; ldr r3, [sp], #4
        ldm r0!, {r1, r2}; ldmdb r0!, {r1, r2}; pop {r4}
        vldr s0, [r0]; vldr d0, [r0]; vldmia r0!, {s0-s3}; vldmdb r0!, {s0-s3}; vpop {s16}""",
    InstructionClass.STORE: """
        str r0, [r1]; strb r0, [r1, r2]; strd r0, r1, [r2]; strex r0, r1, [r2]
        str r3, [sp, #-4]!; stm r0!, {r1, r2}; stmdb r0!, {r1, r2}; push {r4, lr}
        vstr s0, [r0]; vstmia r0!, {s0-s3}; vpush {d8}""",
    InstructionClass.MULTIPLY: """
        muls r0, r1, r0; mul r8, r1, r2; mla r0, r1, r2, r3; mls r0, r1, r2, r3
        smlad r0, r1, r2, r3; smladx r0, r1, r2, r3; smlsd r0, r1, r2, r3; smuad r0, r1, r2
        smusd r0, r1, r2; smlabb r0, r1, r2, r3; smlawb r0, r1, r2, r3; smulbb r0, r1, r2
        smulwt r0, r1, r2; smull r0, r1, r2, r3; smlal r0, r1, r2, r3; smlalbb r0, r1, r2, r3
        smlald r0, r1, r2, r3; smlsld r0, r1, r2, r3; smmul r0, r1, r2; smmulr r0, r1, r2
        smmla r0, r1, r2, r3; smmls r0, r1, r2, r3; umull r0, r1, r2, r3; umlal r0, r1, r2, r3
        umaal r0, r1, r2, r3""",
    InstructionClass.DIVIDE: "sdiv r0, r1, r2; udiv r0, r1, r2",
    InstructionClass.BRANCH: """
        b .; beq .; beq.w .; b.w .; bl .; bx lr; blx r3; cbz r0, .+8; cbnz r0, .+8
        tbb [pc, r0]; tbh [pc, r0, lsl #1]; mov pc, lr; add pc, r0
        pop {r4, pc}; pop.w {r4, r8, pc}; ldm r0, {r1, pc}; ldr pc, [r0]; ldr pc, [sp], #4""",
    InstructionClass.FP: """
        vadd.f32 s0, s1, s2; vmla.f32 s0, s1, s2; vfma.f32 s0, s1, s2; vfnms.f32 s0, s1, s2
        vnmul.f32 s0, s1, s2; vdiv.f32 s0, s1, s2; vsqrt.f32 s0, s1; vabs.f32 s0, s1
        vcmp.f32 s0, s1; vcmpe.f32 s0, #0; vmrs APSR_nzcv, fpscr; vmrs r0, fpscr; vmsr fpscr, r0
        vmov s0, r0; vmov r0, s0; vmov d0, r0, r1; vmov.f32 s0, #1.0; vmov.f32 s0, s1
        vcvt.s32.f32 s0, s1; vcvta.s32.f32 s0, s1; vcvt.f32.s32 s0, s0, #4; vcvtb.f32.f16 s0, s1
        vmaxnm.f32 s0, s1, s2; vselge.f32 s0, s1, s2; vrinta.f32 s0, s1""",
    InstructionClass.OTHER: """
        movs r0, #1; mov r0, r8; movw r0, #1234; adds r0, #1; sub sp, #8; cmp r0, r1; lsls r0, #2
        ssat r0, #8, r1; sxtb r0, r1; sxtab16 r0, r1, r2; pkhbt r0, r1, r2; usad8 r0, r1, r2
        usada8 r0, r1, r2, r3; uadd8 r0, r1, r2; sel r0, r1, r2; qadd r0, r1, r2; clz r0, r1
        it eq; moveq r0, r1; nop; wfi; dsb; isb; dmb; svc 0; bkpt 0; mrs r0, basepri
        msr primask, r0; cpsid i; clrex; pld [r0]; udf #0; adr r0, .+8; bfi r0, r1, #2, #3
        mcr p5, 0, r0, c0, c0, 0""",
}


def assembled(source: str, folder: Path) -> bytes:
    (folder / "code.s").write_text(HEADER + source + "\n")
    subprocess.run([ASSEMBLER, "code.s", "-o", "code.o"], cwd=folder, check=True)
    with (folder / "code.o").open("rb") as file:
        code: bytes = ELFFile(file).get_section_by_name(".text").data()
    return code


@pytest.mark.toolchain
@pytest.mark.parametrize("kind", EXAMPLES)
def test_each_instruction_is_in_its_class(kind: InstructionClass, tmp_path: Path) -> None:
    lines = [
        line.strip() for line in EXAMPLES[kind].replace(";", "\n").splitlines() if line.strip()
    ]
    code = assembled("\n".join(lines), tmp_path)
    classes = [instruction_class(instruction) for _, instruction in split_instructions(code)]
    wrong = [f"{line}: {is_}" for line, is_ in zip(lines, classes, strict=True) if is_ is not kind]
    assert wrong == []


def test_all_classes_but_unknown_have_examples() -> None:
    assert set(InstructionClass) - set(EXAMPLES) == {InstructionClass.UNKNOWN}


def test_code_is_split_at_its_instructions() -> None:
    nop, wide = b"\x00\xbf", b"\xaf\xf3\x00\x80"
    assert list(split_instructions(nop + wide + nop)) == [(0, nop), (2, wide), (6, nop)]


@pytest.mark.parametrize("rest", [b"\x00", b"\xaf\xf3", b"\xaf\xf3\x00"])
def test_an_instruction_that_is_cut_is_left_out(rest: bytes) -> None:
    nop = b"\x00\xbf"
    assert list(split_instructions(nop + rest)) == [(0, nop)]
