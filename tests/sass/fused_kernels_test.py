"""fused_kernels.py on small kernels whose loops are known, and on planted changes of them."""

import os
import re
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import check_loops_test  # noqa: E402
import fused_kernels  # noqa: E402
import time_loop  # noqa: E402

# As the step kernels are built: weights, a loop over chunks of the depth, the barrier, and a loop over items, of gates with multiply-adds
# of their own.
KERNEL = """
            LDG.E.128 R4, [R2]
  round:    LDG.E.128 R8, [R2]
            {product}
            LDG.E.128 R4, [R2+0x40]
            ISETP.NE.AND P0, PT, R1, RZ, PT
      @P0   BRA round
            STS [R3], R12
            BAR.SYNC.DEFER_BLOCKING 0x0
  item:     LDS R12, [R3]
            FFMA R12, R12, R12, R12
            MUFU.EX2 R12, R12
            STG.E [R2], R12
      @P1   BRA item
            EXIT
"""
HMMA = KERNEL.format(product="HMMA.16816.F32.BF16 R12, R8, R4, R12")
FFMA = KERNEL.format(product="FFMA R12, R8, R4, R12")
NAME = "_ZN5recur5fused14forward_kernelILNS0_8OperandsE2ELi4ELi1ELb1EEEvNS0_13StepArgumentsE"


def counts(source):
    found = fused_kernels.counts(time_loop.kernels(check_loops_test.listing(source, NAME))[NAME])
    found.pop("latency")
    return {column: n for column, n in found.items() if n}


class FusedKernels(unittest.TestCase):
    def test_names(self):
        for kernel, name in (
            (NAME, "forward bf16 gates 4 tiles 1 vectors"),
            (NAME.replace("E2ELi4ELi1ELb1", "E0ELi3ELi2ELb0"), "forward f32 gates 3 tiles 2 elements"),
            ("_ZN5recur5fused15backward_kernelILNS0_8OperandsE3ELi4ELb1EEEvNS0_17BackwardArgumentsE", "backward f16 tiles 4 vectors"),
            ("_ZN5recur5fused18transpose_R_kernelIfEEvNS0_10TransposeRE", None),
        ):
            self.assertEqual(fused_kernels.name_of(kernel), name)
        with self.assertRaisesRegex(time_loop.SassError, "were expected among its template arguments"):
            fused_kernels.name_of("_ZN5recur5fused14another_kernelIfEEvv")

    def test_the_product_and_nothing_else(self):
        common = {"total": 5, "way": 5, "ldg": 2, "alu": 1, "branch": 1}
        self.assertEqual(counts(HMMA), {**common, "hmma": 1})
        self.assertEqual(counts(FFMA), {**common, "ffma": 1})

    def test_planted(self):
        for line, column in (("IMAD R9, R9, R9, R9", "alu"), ("LDG.E R9, [R2]", "ldg"), ("LDC R9, c[0x0][0x210]", "ldc")):
            for source in (HMMA, FFMA):
                before, after = counts(source), counts(source.replace("ISETP", f"{line}\n            ISETP"))
                self.assertEqual(after, {**before, column: before.get(column, 0) + 1, "total": 6, "way": 6})

    def test_a_spill_counts_wherever_it_is(self):
        for place in ("ISETP", "STS", "MUFU"):
            self.assertEqual(counts(re.sub(place, f"LDL R9, [R1]\n            {place}", HMMA))["local"], 1, place)

    def test_what_cannot_be_counted_is_an_error(self):
        for source, message in (
            (HMMA.replace("ISETP", "LDS R9, [R3]\n            ISETP"), "has lds32, which the table has no columns for"),
            (FFMA.replace("ISETP", "MUFU.RCP R9, R9\n            ISETP"), "has mufu, which"),
            (FFMA.replace("LDG.E.128 R4, [R2]\n", "FFMA R4, R4, R4, R4\n", 1), "1 of 2 matrix products are outside"),
            (FFMA.replace("BAR.SYNC.DEFER_BLOCKING 0x0", "NOP"), "no barrier between product and gates"),
        ):
            with self.assertRaisesRegex(time_loop.SassError, message):
                counts(source)


if __name__ == "__main__":
    unittest.main()
