"""minGRU as a module like PyTorch's own, from the equations of Feng et al. 2024 (arXiv:2410.01201), section 3.1."""

import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence


class MinGru(torch.nn.Module):
    """h = (1 - z) h' + z n with z = sigmoid(W_z x + b_z) and n = W_n x + b_n; rows of W are z, then n."""

    mode = "MIN_GRU"

    def __init__(self, inputs, hidden, layers, *, bias, batch_first, bidirectional):
        super().__init__()
        self.hidden, self.layers, self.batch_first = hidden, layers, batch_first
        self.suffixes = ("", "_reverse") if bidirectional else ("",)
        bound = hidden ** -0.5

        def parameter(*shape):
            return torch.nn.Parameter(bound * (2 * torch.rand(*shape) - 1))
        for layer in range(layers):
            for suffix in self.suffixes:
                columns = inputs if layer == 0 else len(self.suffixes) * hidden
                self.register_parameter(f"weight_ih_l{layer}{suffix}", parameter(2 * hidden, columns))
                self.register_parameter(f"bias_ih_l{layer}{suffix}", parameter(2 * hidden) if bias else None)

    def forward(self, x, h0=None):
        """As torch.nn.GRU: outputs of all steps, packed where x is, and the final states."""
        lengths = None
        if isinstance(x, PackedSequence):
            x, lengths = pad_packed_sequence(x)
        elif self.batch_first:
            x = x.transpose(0, 1)
        final = []
        for layer in range(self.layers):
            halves = []
            for suffix in self.suffixes:
                h = x.new_zeros(x.shape[1], self.hidden) if h0 is None else h0[len(final)]
                y, h = self._direction(x, h, lengths, f"l{layer}{suffix}")
                halves.append(y)
                final.append(h)
            x = torch.cat(halves, 2)
        if lengths is not None:
            x = pack_padded_sequence(x, lengths, enforce_sorted=False)
        elif self.batch_first:
            x = x.transpose(0, 1)
        return x, torch.stack(final)

    def _direction(self, x, h, lengths, name):
        """One layer in one direction; past its end a sequence keeps its state and gives zeros."""
        sums = torch.nn.functional.linear(x, getattr(self, f"weight_ih_{name}"), getattr(self, f"bias_ih_{name}"))
        steps = range(x.shape[0])
        y = [None] * len(steps)
        for t in reversed(steps) if name.endswith("_reverse") else steps:
            z, n = torch.sigmoid(sums[t, :, : self.hidden]), sums[t, :, self.hidden :]
            after = (1 - z) * h + z * n
            if lengths is None:
                y[t] = h = after
            else:
                is_valid = (t < lengths).unsqueeze(1)
                y[t], h = torch.where(is_valid, after, torch.zeros_like(after)), torch.where(is_valid, after, h)
        return torch.stack(y), h
