"""Weights of layers for the peers that take them as arrays, in ONNX's conventions."""

import numpy

_generator = numpy.random.default_rng(1)


def random(sizes, bound, kind=numpy.float32):
    """Values that no other tensor has: equal weights would be kept once, and stay in a cache that they all would not fit."""
    return _generator.uniform(-bound, bound, sizes).astype(kind)


def weights(shape, kind=numpy.float32):
    """For each layer W [D][G*H][K], R [D][G*H][H], b [D][2*G*H], and p [D][3*H] where there are peepholes."""
    D, H, rows = shape.directions, shape.H, shape.gates * shape.H
    layers = []
    for layer in range(shape.L):
        K = shape.I if layer == 0 else D * H
        one = {"W": random((D, rows, K), K**-0.5, kind), "R": random((D, rows, H), H**-0.5, kind),
               "b": random((D, 2 * rows), 0.5, kind)}
        if shape.cell == "lstm-peephole":
            one["p"] = random((D, 3 * H), 0.5, kind)
        layers.append(one)
    return layers
