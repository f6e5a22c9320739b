"""What renumbering.py moves, it brings back, and it does not leave it where it was."""

import os
import sys
import unittest

import numpy

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from recur_peers.renumbering import moved, moved_back, side_by_side  # noqa: E402  from beside this file


class Renumbering(unittest.TestCase):
    def test_moved(self):
        values = numpy.array([[1, 2, 3], [4, 5, 6]])
        self.assertEqual(moved(values, (None, numpy.array([2, 0, 1]))).tolist(), [[3, 1, 2], [6, 4, 5]])
        self.assertEqual(moved(values, (numpy.array([1, 0]), None)).tolist(), [[4, 5, 6], [1, 2, 3]])

    def test_there_and_back(self):
        draw = numpy.random.default_rng(1)
        values = draw.normal(size=(3, 4, 5))
        axes = (draw.permutation(3), None, draw.permutation(5))
        self.assertTrue(numpy.array_equal(moved_back(moved(values, axes), axes), values))

    def test_blocks_of_units(self):
        self.assertEqual(side_by_side(numpy.array([1, 2, 0]), 2).tolist(), [1, 2, 0, 4, 5, 3])

    def test_axes_that_are_missing(self):
        with self.assertRaises(ValueError):
            moved(numpy.zeros((2, 3)), (None,))


if __name__ == "__main__":
    unittest.main()
