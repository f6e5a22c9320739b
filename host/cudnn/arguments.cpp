#include "host/cudnn/arguments.hpp"

#include "host/check.hpp"

namespace recur::host::cudnn {
namespace {

bool is_dense(const ConstTensorView& view) {
  std::int64_t stride = 1;
  for (int d = view.rank() - 1; d >= 0; --d) {
    if (view.size(d) != 1 && view.stride(d) != stride) return false;
    stride *= view.size(d);
  }
  return true;
}

void check_dense(std::string_view name, const ConstTensorView& view) {
  if (view.given() && !is_dense(view)) {
    throw InvalidArgument(std::string(name) + ": expected a dense tensor, as cuDNN takes no other, got " +
                          describe(view));
  }
}

// A sequence without steps makes cuDNN's backward fail, and a batch of them its forward.
void check_lengths(const Spec& spec, const RunSizes& sizes, const std::int32_t* host_lengths) {
  if (!spec.variable_lengths) return;
  if (host_lengths == nullptr) {
    throw InvalidArgument(
        "host_lengths: expected a copy of lengths [B] in host memory, which cuDNN reads, "
        "got none");
  }
  for (std::int64_t b = 0; b < sizes.batch; ++b) {
    if (host_lengths[b] <= 0) {
      throw Unsupported("host_lengths: expected at least 1, as cuDNN takes no empty sequence, got " +
                        std::to_string(host_lengths[b]) + " for sequence " + std::to_string(b));
    }
  }
}

}  // namespace

void check_arguments(const Spec& spec, const RunSizes& sizes, const ForwardArgs& args) {
  check_dense("x", args.x);
  check_dense("h0", args.h0);
  check_dense("c0", args.c0);
  check_dense("y", args.y);
  check_dense("hN", args.hN);
  check_dense("cN", args.cN);
  check_lengths(spec, sizes, args.host_lengths);
}

void check_arguments(const Spec& spec, const RunSizes& sizes, const BackwardArgs& args) {
  check_dense("x", args.x);
  check_dense("h0", args.h0);
  check_dense("c0", args.c0);
  check_dense("y", args.y);
  check_dense("dy", args.dy);
  check_dense("dhN", args.dhN);
  check_dense("dcN", args.dcN);
  check_dense("dx", args.dx);
  check_dense("dh0", args.dh0);
  check_dense("dc0", args.dc0);
  check_lengths(spec, sizes, args.host_lengths);
}

}  // namespace recur::host::cudnn
