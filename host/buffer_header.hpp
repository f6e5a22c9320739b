// The first bytes of a reserve and of prepared weights, where the host can read them. They name the plan that
// wrote the buffer, and the inputs that it was written from.
#pragma once

#include <cstdint>
#include <span>
#include <type_traits>

#include "host/engine.hpp"

namespace recur::host {

// Has no padding, whose bytes would be whatever was on the stack.
struct BufferHeader {
  std::uint64_t magic;
  std::uint64_t id;  // bits id of the plan (reserve), layout id (prepared weights)
  // Of a reserve: the inputs that backward must be given again, as far as a few bytes can tell.
  std::int64_t steps;
  std::int64_t batch;
  std::uint64_t states;   // which of h0 (1) and c0 (2) were given
  std::uint64_t lengths;  // hash of them, clamped as they are read
  std::uint64_t marks;    // hash of those within the sequences
  std::uint64_t forest;   // hash of the parents
};
static_assert(std::has_unique_object_representations_v<BufferHeader>);

// The inputs that forward and backward both take, and that must be the same in both.
struct KeptInputs {
  RunSizes sizes;
  Layout layout;
  const ConstTensorView& h0;
  const ConstTensorView& c0;
  const ConstTensorView& lengths;
  const ConstTensorView& reset_mask;
  const Forest* forest;
};
template <class Args>
KeptInputs kept_inputs(const RunSizes& sizes, const Spec& spec, const Args& args) {
  return {sizes, spec.layout, args.h0, args.c0, args.lengths, args.reset_mask, args.forest};
}

BufferHeader reserve_header(std::uint64_t bits_id, const KeptInputs& inputs);
constexpr BufferHeader prepared_header(std::uint64_t layout_id) {
  return {0x0264657261706572, layout_id, 0, 0, 0, 0, 0, 0};  // "repared" and a format number
}

// Throw InvalidArgument unless the buffer begins with a header of this id, and the header of a reserve names
// these inputs. The message names the input that differs.
void check_reserve_header(const void* reserve, std::uint64_t bits_id, const KeptInputs& inputs);
void check_prepared_header(const void* prepared, std::uint64_t layout_id);

}  // namespace recur::host
