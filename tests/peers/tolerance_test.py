"""The rule of recur_peers/tolerance.py: what passes, and all that must not."""

import os
import sys
import unittest

import numpy

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from recur_peers.tolerance import EPS, Pool, times_the_peers  # noqa: E402  from beside this file

EXACT = numpy.array([[1.0, -1.0], [1.0, -1.0]])  # of RMS 1, and max
ERROR = 1e-6


def verdict(ours, naive=ERROR, peer=0.0, scale=1.0):
    """Of errors of all elements."""
    pool = Pool()
    exact, naive, peer, ours = (scale * (EXACT + error) for error in (0.0, naive, peer, ours))
    pool.add(exact, [naive], peer, ours, "case")
    return pool.verdict()


class Rule(unittest.TestCase):
    def test_twice_the_naive_error_and_two_eps(self):
        bound = 2 * ERROR + 2 * EPS
        self.assertEqual(verdict(0.99 * bound), "")
        self.assertIn("max error", verdict(1.01 * bound))
        self.assertIn("rms error", verdict(1.01 * bound))
        self.assertIn("case", verdict(1.01 * bound))

    def test_the_peer_excuses_nothing(self):
        self.assertIn("max error", verdict(1e-4, peer=1e-3))

    def test_another_scale_is_the_same(self):
        bound = 2 * ERROR + 2 * EPS
        for scale in (1e-6, 1e6):
            self.assertEqual(verdict(0.99 * bound, scale=scale), "")
            self.assertIn("max error", verdict(1.01 * bound, scale=scale))

    def test_one_large_error_among_small_ones(self):
        exact = numpy.ones(10000)
        ours = exact.copy()
        ours[7] += 1e-5
        pool = Pool()
        pool.add(exact, [exact + ERROR], exact, ours, "case")
        self.assertIn("max error", pool.verdict())
        self.assertNotIn("rms error", pool.verdict())

    def test_every_naive_run_counts(self):
        lucky, unlucky = EXACT.copy(), EXACT + numpy.array([[4 * ERROR, 0], [0, 0]])
        for naive in ([lucky, unlucky], [unlucky, lucky]):
            pool = Pool()
            pool.add(EXACT, naive, EXACT, EXACT + 4 * ERROR, "case")
            self.assertNotIn("max error", pool.verdict())  # 4, where the naive runs have 4
            self.assertIn("rms error", pool.verdict())  # 4, where they have the root of 2

    def test_one_value_among_zeros_is_judged_by_its_size(self):
        sparse = numpy.zeros(10000)
        sparse[0] = 1.0
        pool = Pool()
        pool.add(EXACT, [EXACT + ERROR], EXACT, EXACT, "dense")
        pool.add(sparse, [sparse], sparse, sparse * (1 + 1.9 * ERROR), "sparse")
        self.assertNotIn("max error", pool.verdict())

    def test_a_large_layer_does_not_hide_a_small_one(self):
        pool = Pool()
        pool.add(1e6 * EXACT, [1e6 * (EXACT + ERROR)], 1e6 * EXACT, 1e6 * EXACT, "large")
        pool.add(EXACT, [EXACT], EXACT, EXACT + 1e-3, "small")
        self.assertIn("small", pool.verdict())

    def test_what_is_not_finite(self):
        for value in (numpy.nan, numpy.inf):
            for place in range(4):
                values = [EXACT.copy() for _ in range(4)]
                values[place][1, 0] = value
                pool = Pool()
                exact, naive, peer, ours = values
                pool.add(exact, [EXACT, naive], peer, ours, "case")
                self.assertIn("not finite", pool.verdict())

    def test_other_shapes(self):
        pool = Pool()
        pool.add(EXACT, [EXACT], EXACT, EXACT[:1], "case")
        self.assertIn("shapes", pool.verdict())

    def test_a_peer_that_computes_something_else(self):
        self.assertIn("something else", verdict(0.0, peer=0.1))

    def test_nothing(self):
        self.assertEqual(Pool().verdict(), "nothing was compared")
        pool = Pool()
        nothing = numpy.zeros((0, 3))
        pool.add(nothing, [nothing], nothing, nothing, "case")
        self.assertEqual(pool.verdict(), "nothing was compared")


class BesideThePeer(unittest.TestCase):
    def test_errors_of_all_tensors_count(self):
        exact = [EXACT, numpy.array([5.0])]
        def with_errors(first, second):
            return [EXACT + first, numpy.array([5.0 + second])]
        self.assertAlmostEqual(times_the_peers(exact, with_errors(1e-6, 1e-6), with_errors(3e-6, -3e-6)), 3, 4)
        self.assertAlmostEqual(times_the_peers(exact, with_errors(1e-6, 1e-6), with_errors(1e-6, 4e-6)), 2, 4)
        self.assertEqual(times_the_peers(exact, with_errors(0, 0), exact), 0)

    def test_what_is_not_finite_is_worse_than_anything(self):
        for value in (numpy.nan, numpy.inf):
            self.assertEqual(times_the_peers([EXACT], [EXACT + ERROR], [numpy.full_like(EXACT, value)]), numpy.inf)
        self.assertEqual(times_the_peers([EXACT], [EXACT], [EXACT + ERROR]), numpy.inf)


if __name__ == "__main__":
    unittest.main()
