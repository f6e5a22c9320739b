"""How wrong ours may be, as tests/support/tolerance.hpp has it:

    max |ours - exact|  <=  2 max |naive - exact|  +  2 eps max |exact|      and the same of RMS

A pool has one tensor of many layers of different sizes and magnitudes. So that none of them hides the others, each
layer's errors are divided by the RMS of the layer's exact values.
"""

import math

import numpy

EPS = 2.0**-23  # of float32


class Norms:
    """Maximum and RMS of all values that were added."""

    def __init__(self):
        self.max, self.squares, self.count = 0.0, 0.0, 0

    def add(self, values):
        values = numpy.abs(values).ravel()
        self.max = max(self.max, float(values.max()))
        self.squares += float((values**2).sum())
        self.count += values.size

    @property
    def rms(self):
        return math.sqrt(self.squares / self.count) if self.count else 0.0


class Pool:
    """Errors of one tensor over several layers."""

    def __init__(self):
        self.exact, self.naive, self.peer, self.ours = Norms(), Norms(), Norms(), Norms()
        self.worst, self.wrong = "", ""

    def add(self, exact, naive, peer, ours, label):
        """float64, and float32 thrice. What is not finite, or of another shape, fails; so does a peer that is another function."""
        if len({exact.shape, naive.shape, peer.shape, ours.shape}) > 1:
            self.wrong = self.wrong or f"shapes {exact.shape}, {naive.shape}, {peer.shape}, {ours.shape} ({label})"
            return
        if exact.size == 0:
            return
        for name, values in (("exact", exact), ("naive", naive), ("peer", peer), ("ours", ours)):
            if not numpy.isfinite(values).all():
                self.wrong = self.wrong or f"{name} is not finite ({label})"
                return
        scale = float(numpy.sqrt((exact**2).mean())) or 1.0
        before = self.ours.max
        self.exact.add(exact / scale)
        for norms, values in ((self.naive, naive), (self.peer, peer), (self.ours, ours)):
            norms.add((values.astype(numpy.float64) - exact) / scale)
        if self.ours.max > before:
            self.worst = label

    def ratio(self):
        """Error over bound, the larger of max and RMS: 1 is the most that passes."""
        return max(_quotient(getattr(self.ours, norm), self._bound(norm)) for norm in ("max", "rms"))

    def verdict(self):
        """Empty, or what is wrong."""
        if self.wrong:
            return self.wrong
        if self.peer.max > 1e-2:
            return f"the peer computes something else: its error is {self.peer.max:.3g} times the values' RMS"
        if self.exact.count == 0:
            return "nothing was compared"
        found = []
        for norm in ("max", "rms"):
            ours, bound = getattr(self.ours, norm), self._bound(norm)
            if not ours <= bound:
                found.append(f"{norm} error {ours:.3g} > {bound:.3g} (naive {getattr(self.naive, norm):.3g}, "
                             f"peer {getattr(self.peer, norm):.3g}; worst: {self.worst})")
        return "; ".join(found)

    def _bound(self, norm):
        return 2 * getattr(self.naive, norm) + 2 * EPS * getattr(self.exact, norm)


def _quotient(error, bound):
    return 0.0 if error == 0 else math.inf if bound == 0 else error / bound
