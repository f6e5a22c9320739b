#include "host/onednn/rows.hpp"

#include <cstring>
#include <type_traits>

#include "host/bf16.hpp"

namespace recur::host::onednn {
namespace {

float load(float value) { return value; }
float load(Bf16 value) { return to_float(value); }

void store(float& to, float value) { to = value; }
void store(Bf16& to, float value) { to = to_bf16(value); }

template <class Pointer, class E>
using ElementOf = std::conditional_t<std::is_const_v<std::remove_pointer_t<Pointer>>, const E, E>;

template <class E, class Pointer>
ElementOf<Pointer, E>* row_of(const BasicRows<Pointer>& rows, std::int64_t outer, std::int64_t inner) {
  return static_cast<ElementOf<Pointer, E>*>(rows.data) + outer * rows.outer_stride +
         inner * rows.inner_stride;
}

template <class F>
void with_type(DataType type, F&& f) {
  if (type == DataType::bf16) {
    f.template operator()<Bf16>();
  } else {
    f.template operator()<float>();
  }
}

// row(to, from, columns) for every pair of rows.
template <class To, class From, class Row>
void each_row(const Rows& to, const ConstRows& from, Row&& row) {
  for (std::int64_t outer = 0; outer < to.outer; ++outer) {
    for (std::int64_t inner = 0; inner < to.inner; ++inner) {
      row(row_of<To>(to, outer, inner), row_of<From>(from, outer, inner), to.columns);
    }
  }
}

}  // namespace

void copy(const Rows& to, const ConstRows& from) {
  with_type(to.type, [&]<class To>() {
    with_type(from.type, [&]<class From>() {
      each_row<To, From>(to, from, [](To* to_row, const From* from_row, std::int64_t columns) {
        if constexpr (std::is_same_v<To, From>) {
          std::memcpy(to_row, from_row, static_cast<std::size_t>(columns) * sizeof(To));
        } else {
          for (std::int64_t k = 0; k < columns; ++k) store(to_row[k], load(from_row[k]));
        }
      });
    });
  });
}

void add(const Rows& to, const ConstRows& from) {
  with_type(to.type, [&]<class To>() {
    with_type(from.type, [&]<class From>() {
      each_row<To, From>(to, from, [](To* to_row, const From* from_row, std::int64_t columns) {
        for (std::int64_t k = 0; k < columns; ++k) store(to_row[k], load(to_row[k]) + load(from_row[k]));
      });
    });
  });
}

void fill_with_zeros(const Rows& to) {
  for (std::int64_t outer = 0; outer < to.outer; ++outer) {
    for (std::int64_t inner = 0; inner < to.inner; ++inner) {
      const std::int64_t offset = outer * to.outer_stride + inner * to.inner_stride;
      const auto width = static_cast<std::int64_t>(size_of(to.type));
      std::memset(static_cast<char*>(to.data) + offset * width, 0,
                  static_cast<std::size_t>(to.columns * width));
    }
  }
}

}  // namespace recur::host::onednn
