"""check_tiles on disassemblies with one fault each: a test of the test."""

import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
HEAD = "0000000000000000 <void recur::host::cpu::N_AVX2::product_tile<float, 1, 2, 1>(recur::host::cpu::N_AVX2::TileArgs<float> const&)>:"
RIGHT = [
    "mov    (%rdi),%rdx",
    "vxorps %xmm3,%xmm3,%xmm3",
    "vbroadcastss (%rdx),%ymm1",  # address 20: the loop
    "vbroadcastss (%rdx,%rsi,1),%ymm2",
    "vmovups (%rax),%ymm0",
    "vfmadd231ps %ymm0,%ymm1,%ymm3",
    "vfmadd231ps %ymm0,%ymm2,%ymm4",
    "sub    $0x1,%rcx",
    "jne    20 <product_tile>",
    "vmovups %ymm3,(%rdi)",
    "ret",
]


def run(body, *options):
    """check_tiles on a disassembly, by a program that prints it in objdump's place."""
    with tempfile.TemporaryDirectory() as folder:
        text = os.path.join(folder, "text")
        with open(text, "w", encoding="utf-8") as file:
            file.write("\n".join([HEAD] + [f"  {16 * i:x}:\t{what}" for i, what in enumerate(body)]) + "\n\n")
        objdump = os.path.join(folder, "objdump")
        with open(objdump, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\ncat {text}\n")
        os.chmod(objdump, 0o755)
        table = os.path.join(folder, "table")
        with open(table, "w", encoding="utf-8") as file:
            file.write("# g++ 12\n#\nAVX2      f32  1 2 1 :   2   0   1   2   0   0\n")
        command = [sys.executable, os.path.join(HERE, "check_tiles"), table, "--compiler", "g++ 12", "--objdump", objdump, "an.o", *options]
        return subprocess.run(command, capture_output=True, text=True, check=False)


def changed(index, *what):
    return RIGHT[:index] + list(what) + RIGHT[index + 1 :]


class CheckTiles(unittest.TestCase):
    def expect(self, body, code, said):
        done = run(body)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        self.assertIn(said, done.stderr + done.stdout)

    def test_right(self):
        self.expect(RIGHT, 0, "1 tiles of g++ 12, 0 faults")

    def test_sum_on_the_stack(self):
        self.expect(changed(6, "vfmadd213ps -0x20(%rsp),%ymm0,%ymm2", "vmovaps %ymm2,-0x20(%rsp)"), 1, "moves 2 vectors")

    def test_frame_pointer(self):
        body = ["mov    %rsp,%rbp"] + changed(6, "vmovaps %ymm2,-0x20(%rbp)", RIGHT[6])[1:]
        self.expect(body, 1, "moves 1 vectors")
        without_frame = ["nop"] + changed(4, "vmovups (%rbp),%ymm0")[1:]
        self.expect(without_frame, 0, "0 faults")

    def test_call(self):
        self.expect(changed(7, "call   0 <lambda>", "sub    $0x1,%rcx"), 1, "calls 1 functions")

    def test_multiplication_missing(self):
        self.expect(changed(6, "nop"), 1, "multiplies 1 times")

    def test_no_loop(self):
        self.expect(changed(8, "nop"), 1, "has no loop")

    def test_other_counts_than_the_table(self):
        self.expect(changed(3, "vmovups (%rdx,%rsi,1),%ymm2"), 1, "the table has")

    def test_no_tile(self):
        global HEAD
        head, HEAD = HEAD, "0000000000000000 <main>:"
        try:
            self.expect(RIGHT, 2, "no tile")
        finally:
            HEAD = head


if __name__ == "__main__":
    unittest.main()
