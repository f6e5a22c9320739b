"""check_loops and time_loop.py on a small kernel whose loops are known, and on planted changes of it."""

import os
import re
import subprocess
import sys
import tempfile
import unittest

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, FOLDER)

import time_loop  # noqa: E402

# As the resident kernels are built: a loop that loads weights, the loop over time with one over blocks of K and one over peers in it,
# a branch with a spin behind the end of the kernel, a loop that stores.
KERNEL = """
            S2R R0, SR_TID.X
  load:     LDG.E R1, [R2]
            STS.128 [R3], R4
            ISETP.NE.AND P0, PT, R1, RZ, PT
      @P0   BRA load
            LDS.128 R8, [R3]
  step:     BSSY B0, ready
      @P1   BRA ready_1
            SYNCS.PHASECHK.TRANS64.TRYWAIT P1, [R6+URZ], R7
     @!P1   BRA spin
  ready_1:  BSYNC B0
  ready:    LDSM.16.M88.2 R16, [R5]
            HMMA.16816.F32.BF16 R12, R8, R16, R12
  block:    LDS.128 R8, [R3+0x10]
            LDSM.16.M88.2 R16, [R5]
            HMMA.16816.F32.BF16 R12, R8, R16, R12
            ISETP.NE.AND P2, PT, R5, R3, PT
      @P2   BRA block
            LDC.64 R20, c[0x0][0x210]
            MUFU.EX2 R12, R12
            STS.U16 [R3], R12
            BAR.SYNC.DEFER_BLOCKING 0x0
            SYNCS.ARRIVE.TRANS64 RZ, [R6+URZ], R7
  peer:     LDS.128 R8, [R3]
            STAS.128 [R10.64], R8
      @P3   BRA peer
            STG.E.U16 desc[UR6][R20.64], R12
            NOP
      @P4   BRA step
  store:    STG.E desc[UR6][R20.64], R12
      @P5   BRA store
            EXIT
  spin:     YIELD
            SYNCS.PHASECHK.TRANS64.TRYWAIT P1, [R6+URZ], R7
     @!P1   BRA spin
            BRA ready_1
  end:      BRA end
"""
LOOP = {"total": 26, "way": 20, "latency": 168, "alu": 2, "ldc": 1, "branch": 9, "hmma": 2, "ldsm": 2, "lds128": 2, "sts16": 1, "stas": 1, "wait": 2, "arrive": 1,
        "bar": 1, "mufu": 1, "stg": 1}
NAME = "_ZN5recur8resident14forward_kernelINS_5cells4LstmILb0ELb0EEE13__nv_bfloat16Li1ELb0EEEvNS0_7ForwardEi"
ROW = "forward bf16 lstm tile 1 one"


def listing(source, name=NAME):
    """As cuobjdump prints it."""
    labels, lines = {}, []
    for line in source.strip("\n").splitlines():
        label, guard, operation, operands = re.fullmatch(r"\s*(?:(\w+):)?\s*(@!?\w+)?\s*([\w.]+)\s*(.*)", line).groups()
        if label:
            labels[label] = 16 * len(lines)
        lines.append((guard or "", operation, operands))
    text = f"\n\tcode for sm_90\n\n\t\tFunction : {name}\n\t.headerflags\t@\"EF_CUDA_SM90\"\n"
    for i, (guard, operation, operands) in enumerate(lines):
        operands = re.sub(r"\b[a-z]\w+$", lambda match: f"{labels[match[0]]:#x}" if match[0] in labels else match[0], operands)
        text += f"        /*{16 * i:04x}*/ {guard:>20} {operation} {operands} ;    /* 0x00000a00ff017b82 */\n"
        text += f"{'':90}/* 0x000ff00000000800 */\n"
    return text


def counts(source):
    return time_loop.counts(time_loop.time_loop(time_loop.kernels(listing(source))[NAME]))


def after(label_or_line, added):
    """KERNEL with a line behind another."""
    assert KERNEL.count(label_or_line) == 1, label_or_line
    return KERNEL.replace(label_or_line, label_or_line + "\n            " + added)


class TimeLoop(unittest.TestCase):
    def test_all_of_it_and_nothing_else(self):
        self.assertEqual({column: n for column, n in counts(KERNEL).items() if n}, LOOP)

    def test_outside_does_not_count(self):
        for line in ("S2R R0, SR_TID.X", "LDG.E R1, [R2]", "STG.E desc[UR6][R20.64], R12"):
            self.assertEqual(counts(after(line, "LDS R9, [R3]")), counts(KERNEL), line)

    def test_inside_counts_once(self):
        added = {
            "LDS R9, [R3]": "lds32", "LDS.64 R8, [R3]": "lds64", "LDS.U8 R9, [R3]": "lds16", "STS.64 [R3], R8": "sts64",
            "HMMA.16816.F32.BF16 R12, R8, R16, R12": "hmma", "STAS.128 [R10.64], R8": "stas", "MUFU.RCP R1, R1": "mufu",
            "SYNCS.ARRIVE.TRANS64 RZ, [R6+URZ], R7": "arrive", "MEMBAR.ALL.GPU": "fence", "CCTL.IVALL": "cctl", "LDL R9, [R1]": "local",
            "LDG.E R9, [R2]": "ldg", "ULDC UR4, c[0x0][0x210]": "ldc", "IMAD R9, R9, R9, R9": "alu", "CALL.REL.NOINC end": "call",
            "BAR.SYNC.DEFER_BLOCKING R2, 0x80": "bar", "WARPSYNC.ALL": "branch",
        }
        for place in ("MUFU.EX2 R12, R12", "LDS.128 R8, [R3+0x10]", "spin:     YIELD"):
            for line, column in added.items():
                expected = counts(KERNEL)
                expected[column] += 1
                expected["total"] += 1
                found = counts(after(place, line))
                way = found["way"] if place.startswith("spin") else LOOP["way"] + 1
                expected.update(way=way, latency=found["latency"])
                self.assertEqual(found, expected, f"{line} after {place}")
                if not place.startswith("spin"):
                    self.assertGreater(found["latency"], LOOP["latency"], f"{line} after {place}")

    def test_latency_is_that_of_stalls_and_scoreboards(self):
        def one(operation, stall=1, sets=7, waits=(), operands=""):
            control = stall | sets << 5 | 7 << 8 | sum(1 << board for board in waits) << 11
            return time_loop.Instruction(0, False, operation, operands, control)

        product = one("HMMA.16816.F32.BF16")
        fence = one("NOP", waits=[0, 1, 2, 3, 4, 5])
        copy, commit, wait = one("LDGSTS.E"), one("LDGDEPBAR", sets=0), one("DEPBAR.LE", operands="SB0, 0x0")
        for way, latency, waits in (
            ([one("IMAD", 4), one("IMAD", 6)], 10, 0),
            ([one("LDSM.16.M88.2", sets=0), one("IMAD", 4), one("IMAD", waits=[0])], 31, 0),
            ([one("LDSM.16.M88.2", sets=0), one("IMAD", 15), one("IMAD", 15), one("IMAD", 10), one("IMAD", waits=[0])], 42, 0),
            ([one("LDSM.16.M88.2", sets=0), one("IMAD", 4), one("IMAD", waits=[1])], 6, 0),
            # A load of global memory that a fence before the last product waits for, the round after; and one that only the sums need.
            ([fence, product, one("LDG.E", sets=3)], 3, 1),
            ([one("NOP", waits=[0, 1]), product, one("FADD", waits=[3]), one("LDG.E", sets=3)], 4, 0),
            # A copy flies over a fence until it is committed. The program waits for it after the products of the first phase, and not
            # before them. A commit of nothing is nothing to wait for.
            ([fence, product, commit, wait, copy], 5, 0),
            ([fence, product, commit, wait, fence, product, copy], 7, 0),
            ([fence, product, wait, copy, commit], 5, 1),
            ([commit, wait, fence, product, copy], 5, 1),
            ([fence, product, commit, one("NOP", waits=[0]), product], 5, 0),
        ):
            self.assertEqual(time_loop._walk(way), (latency, waits))

    def test_way_leaves_out_what_need_not_run(self):
        for skipped, way in (("STG.E.U16 desc[UR6][R20.64], R12", 1), ("LDG.E.U8 R9, [R2]", 1), ("LDG.E R9, [R2]", 3),
                             ("LDGSTS.E.ZFILL [R9], desc[UR6][R2.64], P1", 1), ("LDGSTS.E [R9], desc[UR6][R2.64]", 3),
                             ("MUFU.EX2 R12, R12", 3)):
            source = after("SYNCS.ARRIVE.TRANS64 RZ, [R6+URZ], R7", f"@P6   BRA peer\n {skipped}\n IADD3 R9, R9, R9, R9")
            self.assertEqual(counts(source)["way"], LOOP["way"] + way, skipped)

    def test_way_pushes_to_one_peer(self):
        push = "            STAS.128 [R10.64], R8\n"
        more = "      @P6   BRA pushed\n" + push
        once = KERNEL.replace(push, push + "  pushed:   NOP\n").replace("      @P3   BRA peer\n", "")
        unrolled = once.replace(push, push + more + more)
        self.assertEqual(counts(unrolled)["stas"], 3)
        self.assertEqual(counts(unrolled)["way"], counts(once)["way"] + 1)

    def test_loads_of_marks_are_waited_for_like_others(self):
        """Off the way, but the wait of the next round is on it."""
        path = "@P6   BRA peer\n LDG.E.U8 R9, [R2]\n IADD3 R9, R9, R9, R9"
        source = after("SYNCS.ARRIVE.TRANS64 RZ, [R6+URZ], R7", path)
        listed = time_loop.kernels(listing(source))[NAME]

        def controlled(instruction):
            sets = 3 if instruction.operation == "LDG.E.U8" else 7
            waits = 0x3f if instruction.operation.startswith("LDSM") else 0
            return instruction._replace(control=1 | sets << 5 | 7 << 8 | waits << 11)

        self.assertEqual(time_loop.counts(time_loop.time_loop([controlled(one) for one in listed]))["ldgwait"], 1)

    def test_what_cannot_be_counted_is_an_error(self):
        hmma = "HMMA.16816.F32.BF16 R12, R8, R16, R12"
        for source, message in (
            (re.sub("HMMA.*", "NOP", KERNEL), "no matrix product"),
            (KERNEL.replace("@P4   BRA step", "      NOP").replace("@P2   BRA block", "      NOP"), "no loop"),
            (KERNEL.replace("@P4   BRA step", "      NOP"), "1 of 2 matrix products are outside"),
            (after("S2R R0, SR_TID.X", hmma), "1 of 3 matrix products are outside"),
            (after("MUFU.EX2 R12, R12", "BRX R4 -0x100"), "not known"),
            (after("ready_1:  BSYNC B0", "NOP"), "rejoins elsewhere"),
        ):
            with self.assertRaisesRegex(time_loop.SassError, message):
                counts(source)


class CheckLoops(unittest.TestCase):
    """The program, with a cuobjdump that prints its last argument's contents."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.table = os.path.join(self.folder, "table.txt")
        self.object = os.path.join(self.folder, "resident.cu.o")
        tool = os.path.join(self.folder, "cuobjdump")
        with open(tool, "w", encoding="utf-8") as file:
            file.write('#!/bin/sh\nif [ "$3" = -sass ]; then cat "$4"; '
                       "else sed -n 's/^\\t*Function : \\(.*\\)/ Function \\1:\\n  REG:200 STACK:0/p' \"$4\"; fi\n")
        os.chmod(tool, 0o755)
        self.compile(KERNEL)
        self.assertEqual(self.run_it("--update")[0], 0)

    def compile(self, source, name=NAME):
        with open(self.object, "w", encoding="utf-8") as file:
            file.write(listing(source, name))

    def run_it(self, *arguments, nvcc="13.0.88"):
        done = subprocess.run([sys.executable, os.path.join(FOLDER, "check_loops"), self.table, "--nvcc", nvcc, "--tools",
                               self.folder, self.object, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
        return done.returncode, done.stdout

    def test_the_same(self):
        self.assertEqual(self.run_it(), (0, "1 kernels have the loops that the table says\n"))

    def test_planted(self):
        for place, line, message in (
            ("LDS.128 R8, [R3+0x10]", "HMMA.16816.F32.BF16 R12, R8, R16, R12", "hmma was 2, is 3"),
            ("MUFU.EX2 R12, R12", "LDS R9, [R3]", "lds32 was 0, is 1"),
            ("spin:     YIELD", "CCTL.IVALL", "cctl was 0, is 1"),
        ):
            self.compile(after(place, line))
            code, output = self.run_it()
            self.assertEqual(code, 1)
            self.assertIn(f"{ROW}: {message}\n", output)
            self.assertIn("--update", output)

    def test_one_instruction_less(self):
        self.compile(KERNEL.replace("MUFU.EX2 R12, R12", "NOP"))
        code, output = self.run_it()
        self.assertEqual(code, 1)
        self.assertIn(f"{ROW}: mufu was 1, is 0\n", output)

    def test_tolerance_is_of_the_counts_that_the_compiler_chooses(self):
        many = "\n            ".join(["IMAD R9, R9, R9, R9"] * 100)
        self.compile(after("MUFU.EX2 R12, R12", many))
        self.assertEqual(self.run_it("--update")[0], 0)
        self.compile(after("MUFU.EX2 R12, R12", many + "\n            IADD3 R9, R9, R9, R9"))
        self.assertEqual(self.run_it()[0], 0)
        self.compile(after("MUFU.EX2 R12, R12", many + "\n            IADD3 R9, R9, R9, R9" * 5))
        code, output = self.run_it()
        self.assertEqual(code, 1)
        self.assertIn(f"{ROW}: alu was 102, is 107, more than 3 per cent apart\n", output)

    def test_kernels_come_and_go(self):
        self.compile(KERNEL, NAME.replace("Li1E", "Li2E"))
        code, output = self.run_it()
        self.assertEqual(code, 1)
        self.assertIn(f"{ROW}: in the table, but not compiled\n", output)
        self.assertIn(f"{ROW.replace('tile 1', 'tile 2')}: compiled, but not in the table\n", output)

    def test_an_object_has_kernels_of_both_types(self):
        self.compile(KERNEL, NAME.replace("13__nv_bfloat16", "6__half"))
        code, output = self.run_it()
        self.assertEqual(code, 1)
        self.assertIn(f"{ROW}: in the table, but not compiled\n", output)
        self.assertIn(f"{ROW.replace('bf16', 'f16')}: compiled, but not in the table\n", output)

    def test_an_object_has_kernels_of_several_cells(self):
        for template, cell in (("4LstmILb1ELb1ENS2_12OwnFunctionsEE", "lstm_coupled_peephole"),
                               ("3RnnILb1ELb0ENS2_12OwnFunctionsEE", "rnn_relu"),
                               ("14GruResetBeforeINS2_12OwnFunctionsEE", "gru_reset_before")):
            self.compile(KERNEL, NAME.replace("4LstmILb0ELb0EE", template))
            code, output = self.run_it()
            self.assertEqual(code, 1)
            self.assertIn(f"{ROW}: in the table, but not compiled\n", output)
            self.assertIn(f"{ROW.replace('lstm', cell)}: compiled, but not in the table\n", output)

    def test_another_nvcc_is_skipped(self):
        code, output = self.run_it(nvcc="13.1.12")
        self.assertEqual(code, 77)
        self.assertTrue(output.startswith("skipped: "))
        self.assertIn("13.0.88", output)
        self.assertIn("13.1.12", output)

    def test_what_is_no_kernel_of_ours_is_an_error(self):
        self.compile("            EXIT")
        self.assertEqual(self.run_it(), (1, f"check_loops: {ROW}: no matrix product in the kernel\n"))
        self.compile(KERNEL, "another_kernel")
        self.assertEqual(self.run_it()[0], 1)
        self.compile(KERNEL, NAME.replace("4Lstm", "3New"))
        code, output = self.run_it()
        self.assertEqual(code, 1)
        self.assertIn("cell, type, tile and number of batch tiles were expected", output)
        with open(self.table, "w", encoding="utf-8") as file:
            file.write("# nvcc 13.0.88\nkernel total\n")
        code, output = self.run_it()
        self.assertEqual(code, 1)
        self.assertIn("no table of these columns", output)


if __name__ == "__main__":
    unittest.main()
