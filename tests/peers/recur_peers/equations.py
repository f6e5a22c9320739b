"""ONNX's operators RNN, GRU and LSTM, written from its pages. Layout 0. In float32 they are the naive run: sums are sequential."""

import numpy

# From a, the argument, alpha and beta.
FUNCTIONS = {
    "Sigmoid": lambda a, alpha, beta: 1 / (1 + numpy.exp(-a)),
    "Tanh": lambda a, alpha, beta: numpy.tanh(a),
    "Relu": lambda a, alpha, beta: numpy.maximum(a, 0),
    "Affine": lambda a, alpha, beta: alpha * a + beta,
    "LeakyRelu": lambda a, alpha, beta: numpy.where(a >= 0, a, alpha * a),
    "ThresholdedRelu": lambda a, alpha, beta: numpy.where(a >= alpha, a, 0.0),
    "ScaledTanh": lambda a, alpha, beta: alpha * numpy.tanh(beta * a),
    "HardSigmoid": lambda a, alpha, beta: numpy.clip(alpha * a + beta, 0, 1),
    "Elu": lambda a, alpha, beta: numpy.where(a >= 0, a, alpha * numpy.expm1(numpy.minimum(a, 0))),
    "Softsign": lambda a, alpha, beta: a / (1 + numpy.abs(a)),
    "Softplus": lambda a, alpha, beta: numpy.logaddexp(0, a),
}
# Which parameters they take, and what ONNX's operators of these names have where none is given.
DEFAULT_ALPHA = {"Affine": 1.0, "LeakyRelu": 0.01, "ThresholdedRelu": 1.0, "ScaledTanh": None, "HardSigmoid": 0.2, "Elu": 1.0}
DEFAULT_BETA = {"Affine": 0.0, "ScaledTanh": None, "HardSigmoid": 0.5}
STANDARD = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}


class Activations:
    """The functions of one direction, with the clip before those of the gates."""

    def __init__(self, functions, clip):
        self.functions, self.clip = functions, clip
        self.margin = numpy.inf  # least distance from a jump of ThresholdedRelu

    def __call__(self, which, a, is_clipped=True):
        name, alpha, beta = self.functions[which]
        if is_clipped and self.clip is not None:
            a = numpy.clip(a, -self.clip, self.clip)
        if name == "ThresholdedRelu" and a.size:
            self.margin = min(self.margin, float(numpy.abs(a - alpha).min()))
        return FUNCTIONS[name](a, alpha, beta)


def functions_of(attributes, directions):
    """(name, alpha, beta) of each function of each direction: values are taken in order by those that have such a parameter."""
    op = attributes["op_type"]
    names = attributes.get("activations") or STANDARD[op] * directions
    known = {name.lower(): name for name in FUNCTIONS}
    alphas = [float(numpy.float32(value)) for value in attributes.get("activation_alpha", [])]
    betas = [float(numpy.float32(value)) for value in attributes.get("activation_beta", [])]

    def taken(name, values, defaults):
        if name not in defaults:
            return None
        return values.pop(0) if values else float(numpy.float32(defaults[name]))

    found = []
    for name in (known[name.lower()] for name in names):
        found.append((name, taken(name, alphas, DEFAULT_ALPHA), taken(name, betas, DEFAULT_BETA)))
    each = len(found) // directions
    return [found[d * each : (d + 1) * each] for d in range(directions)]


def run(attributes, tensors, dtype=numpy.float64):
    """In a type: Y [T][D][B][H], Y_h and Y_c [D][B][H] (None but for LSTM), and the least distance from a jump.

    `tensors` has X [T][B][I], W, R and what else there is, by ONNX's names.
    """
    tensors, given = {name: value.astype(dtype) for name, value in tensors.items() if name != "sequence_lens"}, tensors
    X, H = tensors["X"], attributes["hidden_size"]
    T, B, _ = X.shape
    direction = attributes.get("direction", "forward")
    D = 2 if direction == "bidirectional" else 1
    lengths = given.get("sequence_lens", numpy.full(B, T))
    Y, Y_h, Y_c = numpy.zeros((T, D, B, H), dtype), numpy.zeros((D, B, H), dtype), numpy.zeros((D, B, H), dtype)
    margin = numpy.inf
    functions = functions_of(attributes, D)
    for d in range(D):
        weights = {name: tensors[name][d] for name in ("W", "R", "B", "P") if name in tensors}
        activations = Activations(functions[d], attributes.get("clip"))
        step = {"RNN": _rnn, "GRU": _gru, "LSTM": _lstm}[attributes["op_type"]]
        is_reverse = direction == "reverse" or d == 1
        for b in range(B):
            h = tensors["initial_h"][d, b] if "initial_h" in tensors else numpy.zeros(H, dtype)
            c = tensors["initial_c"][d, b] if "initial_c" in tensors else numpy.zeros(H, dtype)
            steps = range(lengths[b])
            for t in reversed(steps) if is_reverse else steps:
                h, c = step(attributes, weights, activations, X[t, b], h, c)
                Y[t, d, b] = h
            Y_h[d, b], Y_c[d, b] = h, c
        margin = min(margin, activations.margin)
    return Y, Y_h, Y_c if attributes["op_type"] == "LSTM" else None, margin


def _gates(weights, count):
    """Views of the gates' rows of W and R, and of their biases Wb and Rb."""
    H = weights["R"].shape[1]
    biases = weights.get("B", numpy.zeros(2 * count * H, weights["R"].dtype))
    return (weights["W"].reshape(count, H, -1), weights["R"].reshape(count, H, H), biases[: count * H].reshape(count, H),
            biases[count * H :].reshape(count, H))


def _times(A, v):
    """A v, one term after the other."""
    return numpy.cumsum(A * v, axis=1)[:, -1]


def _rnn(_attributes, weights, f, x, h, c):
    (Wi,), (Ri,), (Wbi,), (Rbi,) = _gates(weights, 1)
    return f(0, _times(Wi, x) + _times(Ri, h) + Wbi + Rbi), c


def _gru(attributes, weights, f, x, h, c):
    (Wz, Wr, Wh), (Rz, Rr, Rh), (Wbz, Wbr, Wbh), (Rbz, Rbr, Rbh) = _gates(weights, 3)
    z = f(0, _times(Wz, x) + _times(Rz, h) + Wbz + Rbz)
    r = f(0, _times(Wr, x) + _times(Rr, h) + Wbr + Rbr)
    if attributes.get("linear_before_reset", 0) != 0:
        n = f(1, _times(Wh, x) + r * (_times(Rh, h) + Rbh) + Wbh)
    else:
        n = f(1, _times(Wh, x) + _times(Rh, r * h) + Rbh + Wbh)
    return (1 - z) * n + z * h, c


def _lstm(attributes, weights, f, x, h, c):
    (Wi, Wo, Wf, Wc), (Ri, Ro, Rf, Rc), (Wbi, Wbo, Wbf, Wbc), (Rbi, Rbo, Rbf, Rbc) = _gates(weights, 4)
    Pi, Po, Pf = weights.get("P", numpy.zeros(3 * h.size, h.dtype)).reshape(3, -1)
    i = f(0, _times(Wi, x) + _times(Ri, h) + Pi * c + Wbi + Rbi)
    forget = 1 - i if attributes.get("input_forget", 0) == 1 else f(0, _times(Wf, x) + _times(Rf, h) + Pf * c + Wbf + Rbf)
    candidate = f(1, _times(Wc, x) + _times(Rc, h) + Wbc + Rbc)
    c = forget * c + i * candidate
    o = f(0, _times(Wo, x) + _times(Ro, h) + Po * c + Wbo + Rbo)
    # As ONNX Runtime has it; by its page ONNX might clip c as well.
    return o * f(2, c, is_clipped=False), c
