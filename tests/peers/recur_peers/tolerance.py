"""How wrong ours may be, as tests/support/tolerance.hpp has it:

    max |ours - exact|  <=  2 max |naive - exact|  +  2 eps max |exact|      and the same of RMS

A pool has one tensor of many layers of different sizes and magnitudes. So that none of them hides the others, each
layer's errors are divided by its own max |exact|, or for the RMS by the RMS of its exact values. A layer has one of
ours and several naive runs (renumbering.py), all of which count.
"""

import math

import numpy

EPS = 2.0**-23  # of float32
LEAST_VALUES = 16  # that a tensor of a layer must have


class Norms:
    """Maximum and RMS of the values of many layers, each layer's over its scale in that norm."""

    def __init__(self):
        self.max, self.squares, self.count = 0.0, 0.0, 0

    def add(self, values, scales):
        values = numpy.abs(values)
        self.max = max(self.max, float(values.max()) / scales.max)
        self.squares += float((values**2).sum()) / scales.rms**2
        self.count += values.size

    @property
    def rms(self):
        return math.sqrt(self.squares / self.count) if self.count else 0.0


class Scales:
    """Of a layer's exact values; 1 where they are all zero."""

    def __init__(self, exact):
        self.max = float(numpy.abs(exact).max()) or 1.0
        self.rms = float(numpy.sqrt((exact**2).mean())) or 1.0


class Pool:
    """Errors of one tensor over several layers."""

    def __init__(self):
        self.exact, self.naive, self.peer, self.ours = Norms(), Norms(), Norms(), Norms()
        self.worst, self.wrong = "", ""

    def add(self, exact, naive, peer, ours, label):
        """float64, a list of float32, and float32 twice. What is not finite, or of another shape, fails; so does a peer that is another
        function."""
        runs = [("naive", self.naive, values) for values in naive] + [("peer", self.peer, peer), ("ours", self.ours, ours)]
        shapes = [exact.shape, *(values.shape for _, _, values in runs)]
        if len(set(shapes)) > 1:
            self.wrong = self.wrong or f"shapes {', '.join(map(str, shapes))} ({label})"
            return
        if exact.size == 0:
            return
        for name, values in [("exact", exact), *((name, values) for name, _, values in runs)]:
            if not numpy.isfinite(values).all():
                self.wrong = self.wrong or f"{name} is not finite ({label})"
                return
        before, scales = self.ours.max, Scales(exact)
        self.exact.add(exact, scales)
        for _, norms, values in runs:
            norms.add(values.astype(numpy.float64) - exact, scales)
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
            return f"the peer computes something else: its error is {self.peer.max:.3g} times the largest value"
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


def times_the_peers(exact, peer, ours):
    """RMS of our errors over that of the peer's, all tensors of several together; inf where ours are not finite, or the peer's alone are 0."""
    def rms(tensors):
        errors = [(values.astype(numpy.float64) - right).ravel() for values, right in zip(tensors, exact, strict=True)]
        return float(numpy.sqrt((numpy.concatenate(errors) ** 2).mean()))
    ratio = _quotient(rms(ours), rms(peer))
    return ratio if math.isfinite(ratio) else math.inf


def _quotient(error, bound):
    return 0.0 if error == 0 else math.inf if bound == 0 else error / bound
