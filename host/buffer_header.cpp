#include "host/buffer_header.hpp"

#include <algorithm>
#include <string>

#include "host/check.hpp"
#include "host/hash.hpp"

namespace recur::host {
namespace {

constexpr std::uint64_t kReserve = 0x0365767265736572;  // "reserve" and a format number
constexpr std::uint64_t kGivenH0 = 1;
constexpr std::uint64_t kGivenC0 = 2;

std::int64_t length_of(const KeptInputs& inputs, std::int64_t b) {
  if (!inputs.lengths.given()) return inputs.sizes.steps;
  const auto* const lengths = static_cast<const std::int32_t*>(inputs.lengths.data());
  return std::clamp<std::int64_t>(lengths[b * inputs.lengths.stride(0)], 0, inputs.sizes.steps);
}

std::uint64_t hash_of_lengths(const KeptInputs& inputs) {
  if (!inputs.lengths.given()) return 0;
  Hash hash;
  for (std::int64_t b = 0; b < inputs.sizes.batch; ++b)
    hash.add(static_cast<std::uint64_t>(length_of(inputs, b)));
  return hash.value();
}

// 64 marks at a time, since there are T*B of them.
std::uint64_t hash_of_marks(const KeptInputs& inputs) {
  if (!inputs.reset_mask.given()) return 0;
  const auto* const marks = static_cast<const std::uint8_t*>(inputs.reset_mask.data());
  const bool time_major = inputs.layout == Layout::time_major;
  const std::int64_t step = inputs.reset_mask.stride(time_major ? 0 : 1);
  const std::int64_t batch = inputs.reset_mask.stride(time_major ? 1 : 0);
  Hash hash;
  for (std::int64_t b = 0; b < inputs.sizes.batch; ++b) {
    const std::int64_t length = length_of(inputs, b);
    for (std::int64_t first = 0; first < length; first += 64) {
      std::uint64_t bits = 0;
      for (std::int64_t t = first; t < std::min(first + 64, length); ++t)
        bits |= std::uint64_t(marks[t * step + b * batch] != 0) << (t - first);
      hash.add(bits);
    }
  }
  return hash.value();
}

// The levels follow from the parents.
std::uint64_t hash_of_forest(const KeptInputs& inputs) {
  if (inputs.forest == nullptr) return 0;
  Hash hash;
  for (const std::int32_t parent : inputs.forest->parents) hash.add(static_cast<std::uint64_t>(parent));
  return hash.value();
}

// A state that only one of the two calls was given.
void check_state(std::string_view name, const ConstTensorView& view, bool forward_had) {
  if (view.given() == forward_had) return;
  throw InvalidArgument(std::string(name) + ": expected " +
                        (forward_had ? "the one that was given to forward" : "nothing, as forward had none") +
                        ", got " + describe(view));
}

}  // namespace

BufferHeader reserve_header(std::uint64_t bits_id, const KeptInputs& inputs) {
  return {.magic = kReserve,
          .id = bits_id,
          .steps = inputs.sizes.steps,
          .batch = inputs.sizes.batch,
          .states = (inputs.h0.given() ? kGivenH0 : 0) | (inputs.c0.given() ? kGivenC0 : 0),
          .lengths = hash_of_lengths(inputs),
          .marks = hash_of_marks(inputs),
          .forest = hash_of_forest(inputs)};
}

void check_reserve_header(const void* reserve, std::uint64_t bits_id, const KeptInputs& inputs) {
  const auto& header = *static_cast<const BufferHeader*>(reserve);
  if (header.magic != kReserve || header.id != bits_id) {
    throw InvalidArgument("reserve: expected one that forward filled under this plan");
  }
  const RunSizes& sizes = inputs.sizes;
  if (header.steps != sizes.steps || header.batch != sizes.batch) {
    throw InvalidArgument("reserve: expected the T and B of forward, " + std::to_string(header.steps) +
                          " and " + std::to_string(header.batch) + ", got " + std::to_string(sizes.steps) +
                          " and " + std::to_string(sizes.batch));
  }
  check_state("h0", inputs.h0, (header.states & kGivenH0) != 0);
  check_state("c0", inputs.c0, (header.states & kGivenC0) != 0);
  if (header.lengths != hash_of_lengths(inputs)) {
    throw InvalidArgument("lengths: expected the values that forward had, got others");
  }
  if (header.marks != hash_of_marks(inputs)) {
    throw InvalidArgument("reset_mask: expected the marks that forward had, got others");
  }
  if (header.forest != hash_of_forest(inputs)) {
    throw InvalidArgument("forest: expected the parents that forward had, got others");
  }
}

void check_prepared_header(const void* prepared, std::uint64_t layout_id) {
  const auto& header = *static_cast<const BufferHeader*>(prepared);
  const BufferHeader expected = prepared_header(layout_id);
  if (header.magic != expected.magic || header.id != expected.id) {
    throw InvalidArgument("prepared weights: expected a buffer that prepare_weights filled for this layout");
  }
}

}  // namespace recur::host
