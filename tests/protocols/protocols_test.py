"""Every protocol of protocols.py holds under every interleaving of its small cases, and every mutant of it fails."""

import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import explorer  # noqa: E402  from beside this file
from explorer import ProtocolError, arrive, explore, leave_chip, push, read, wait, write  # noqa: E402
from protocols import PROTOCOLS  # noqa: E402


class Protocols(unittest.TestCase):
    def test_hold_under_every_interleaving(self):
        for name, (make, cases, _) in PROTOCOLS.items():
            for case in cases:
                with self.subTest(protocol=name, **case):
                    self.assertGreater(explore(make(**case)), 10)

    def test_fail_with_one_mistake(self):
        for name, (make, _, mutants) in PROTOCOLS.items():
            self.assertTrue(mutants, name)
            for mutant, case in mutants.items():
                with self.subTest(protocol=name, mutant=mutant):
                    explore(make(**case))
                    with self.assertRaises(ProtocolError):
                        explore(make(**case, mutant=mutant))


class Explorer(unittest.TestCase):
    """What it must notice, each in the smallest protocol that has it."""

    @staticmethod
    def protocol(*programs, pushes=0):
        result = explorer.Protocol()
        for block in range(len(programs)):
            result.cells[(block, "cell")] = 0
            result.barriers[(block, "full")] = [1, pushes, 0]
        for block, program in enumerate(programs):
            result.actor(block, 0, program)
        return result

    def fails(self, text, *programs, pushes=0):
        with self.assertRaisesRegex(ProtocolError, text):
            explore(self.protocol(*programs, pushes=pushes))

    def test_finds_a_value_under_some_order_only(self):
        receive = [arrive((1, "full"), 1), wait((1, "full"), 0), read((1, "cell"), 7)]
        send = [push((1, "cell"), 7, (1, "full"))]
        self.assertGreater(explore(self.protocol(send, receive)), 4)
        self.fails("reads 0", send, [arrive((1, "full"), 1), read((1, "cell"), 7), wait((1, "full"), 0)])
        self.fails("reads", [write((0, "cell"), 1), read((0, "cell"), 2)])

    def test_finds_waits_that_never_end(self):
        self.fails("nobody can go on", [wait((0, "full"), 0)])
        self.fails("nobody can go on", [arrive((0, "full"), 1), wait((0, "full"), 0)])

    def test_finds_an_arrival_too_many(self):
        self.fails("has all its arrivals", [arrive((0, "full"), 1), arrive((0, "full"), 1)])

    def test_finds_pushes_from_and_to_what_has_ended(self):
        self.fails("which has ended", [push((1, "cell"), 1, (1, "full"))], [leave_chip()])
        self.fails("under way", [push((1, "cell"), 1, (1, "full")), leave_chip()], [arrive((1, "full"), 1), wait((1, "full"), 0)])

    def test_shows_the_way_there(self):
        self.fails(r"(?s)push.*arrives:.*read", [push((1, "cell"), 7, (1, "full"))],
                   [arrive((1, "full"), 1), read((1, "cell"), 0), wait((1, "full"), 0)])

    def test_names_a_case_that_is_too_large(self):
        make, cases, _ = PROTOCOLS["resident exchange"]
        with self.assertRaisesRegex(ProtocolError, "make the case smaller"):
            explore(make(**cases[1]), most_states=100)


if __name__ == "__main__":
    unittest.main()
