#include "host/buffer_header.hpp"

#include <string>

#include "recur/error.hpp"

namespace recur::host {

void check_reserve_header(const void* reserve, std::uint64_t bits_id, const RunSizes& sizes) {
  const auto& header = *static_cast<const BufferHeader*>(reserve);
  const BufferHeader expected = reserve_header(bits_id, sizes);
  if (header.magic != expected.magic || header.id != expected.id) {
    throw InvalidArgument("reserve: expected one that forward filled under this plan");
  }
  if (header.steps != sizes.steps || header.batch != sizes.batch) {
    throw InvalidArgument("reserve: expected the T and B of forward, " + std::to_string(header.steps) +
                          " and " + std::to_string(header.batch) + ", got " + std::to_string(sizes.steps) +
                          " and " + std::to_string(sizes.batch));
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
