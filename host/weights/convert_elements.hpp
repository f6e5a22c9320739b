// Elements of a file in the type of a layer.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "recur/types.hpp"

namespace recur::host {

// Whether weights may be of this type: f32, f64, bf16, f16.
bool is_floating_point(DataType type);

// Writes elements, which may lie at any address, as those of another floating-point type. Each is rounded
// once, to the nearest, ties to even; infinities stay, and NaNs stay NaNs. Elements of the same type keep
// their bits.
//
// The index of the first finite element that rounds beyond the largest number of `to_type`, where there is
// one; the elements from there on are then not written. Both spans have the same number of elements.
std::optional<std::size_t> convert_elements(DataType from_type, std::span<const std::byte> from,
                                            DataType to_type, std::span<std::byte> to);

// An element as a number, for messages.
double element_of(DataType type, std::span<const std::byte> elements, std::size_t index);

}  // namespace recur::host
