"""check_registers finds what it is there for: on listings written by hand.

    registers_test.py PERF_FOLDER
"""

import importlib.machinery
import importlib.util
import os
import sys
import unittest

sys.argv.pop(1)
sys.dont_write_bytecode = True

loader = importlib.machinery.SourceFileLoader("check_registers", os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                                                              "check_registers"))
check = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_registers", loader))
loader.exec_module(check)

HEAD = "0000000000000000 <recur::perf::N_AVX2::multiply_add_f32(unsigned long, float&)>:\n   0:\tvbroadcastss ymm2,DWORD PTR [rsi]\n"
TAIL = "  80:\tadd    rax,0x1\n  84:\tcmp    rdi,rax\n  87:\tjne    10 <recur+0x10>\n  89:\tvmovss DWORD PTR [rsi],xmm2\n  8d:\tret\n"


def listing(products, more=""):
    lines = "".join(f"  {0x10 + 5 * i:x}:\tvfmadd132ps ymm{2 + i},ymm1,ymm0\n" for i in range(products))
    return HEAD + lines + more + TAIL


class Registers(unittest.TestCase):
    def test_a_loop_of_registers_is_good(self):
        self.assertEqual(check.faults(listing(12)), ([], 1))

    def test_loads_and_stores_are_found(self):
        for line in ("vmovaps YMMWORD PTR [rsp+0x20],ymm3", "vfmadd132ps ymm9,ymm1,YMMWORD PTR [rsp]"):
            wrong, _ = check.faults(listing(11, f"  60:\tvfmadd132ps ymm14,ymm1,ymm0\n  70:\t{line}\n"))
            self.assertTrue(any(line.split()[-1] in one for one in wrong), wrong)

    def test_a_load_before_the_loop_and_a_padding_in_it_are_none(self):
        self.assertEqual(check.faults(listing(12, "  78:\tnop    DWORD PTR [rax+rax*1+0x0]\n"))[0], [])

    def test_chains_that_became_one_are_found(self):
        self.assertIn("11 multiply-adds in the loop, expected 12", check.faults(listing(11))[0][0])

    def test_no_loop_is_no_measurement(self):
        self.assertIn("no loop", check.faults(HEAD + "   5:\tvfmadd132ps ymm3,ymm1,ymm0\n   a:\tret\n")[0][0])


if __name__ == "__main__":
    unittest.main()
