// First bytes of a reserve and of prepared weights, where the host can read them: what wrote them, and for
// which sizes.
#pragma once

#include <cstdint>
#include <type_traits>

#include "host/engine.hpp"

namespace recur::host {

// Has no padding, whose bytes would be whatever was on the stack.
struct BufferHeader {
  std::uint64_t magic;
  std::uint64_t id;  // bits id of the plan (reserve), layout id (prepared weights)
  std::int64_t steps;
  std::int64_t batch;
};
static_assert(std::has_unique_object_representations_v<BufferHeader>);

constexpr BufferHeader reserve_header(std::uint64_t bits_id, const RunSizes& sizes) {
  return {0x0165767265736572, bits_id, sizes.steps, sizes.batch};  // "reserve" and a format number
}
constexpr BufferHeader prepared_header(std::uint64_t layout_id) {
  return {0x0164657261706572, layout_id, 0, 0};  // "repared"
}

// Throw InvalidArgument unless the buffer begins with the header of this id, and of these sizes.
void check_reserve_header(const void* reserve, std::uint64_t bits_id, const RunSizes& sizes);
void check_prepared_header(const void* prepared, std::uint64_t layout_id);

}  // namespace recur::host
