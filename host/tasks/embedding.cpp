#include "recur/tasks/embedding.hpp"

#include <cstring>

#include "host/tasks/views.hpp"

namespace recur::tasks {
namespace {

// [outer][inner] ids, whichever of the two is time.
void check_ids(const ConstTensorView& ids, std::int64_t rows) {
  check_rank("ids", ids, 2, "[T][B]", 2);
  host::check_view("ids", ids, DataType::i32, {{"T", ids.size(0)}, {"B", ids.size(1)}});
  for (std::int64_t i = 0; i < ids.size(0); ++i) {
    const std::int32_t* row = row_of<std::int32_t>(ids, i);
    for (std::int64_t j = 0; j < ids.size(1); ++j) {
      if (row[j] < 0 || row[j] >= rows) {
        fail("ids", "ids in [0, V=" + std::to_string(rows) + ")",
             std::to_string(row[j]) + " at [" + std::to_string(i) + "][" + std::to_string(j) + "]");
      }
    }
  }
}

template <class E>
void add_rows(const ConstTensorView& ids, const ConstTensorView& dout, const TensorView& dtable) {
  const std::int64_t width = dtable.size(1);
  for (std::int64_t i = 0; i < ids.size(0); ++i) {
    for (std::int64_t j = 0; j < ids.size(1); ++j) {
      const E* from = row_of<E>(dout, i, j);
      E* to = row_of<E>(dtable, row_of<std::int32_t>(ids, i)[j]);
      for (std::int64_t k = 0; k < width; ++k) to[k] += from[k];
    }
  }
}

}  // namespace

void embedding(const ConstTensorView& table, const ConstTensorView& ids, const TensorView& out) {
  check_rank("table", table, 2, "[V][I]");
  const std::int64_t rows = table.size(0);
  const std::int64_t width = table.size(1);
  if (table.type() == DataType::i32 || table.type() == DataType::u8) {
    fail("table", "f32, f64, bf16 or f16", host::describe(table));
  }
  host::check_view("table", table, table.type(), {{"V", rows}, {"I", width}});
  check_ids(ids, rows);
  host::check_output("out", out, table.type(), {{"T", ids.size(0)}, {"B", ids.size(1)}, {"I", width}});
  host::OverlapCheck overlap;
  overlap.input("table", table);
  overlap.input("ids", ids);
  overlap.output("out", out);
  overlap.check();

  // Rows are copied as bytes, so every element type is served alike.
  const auto element = static_cast<std::int64_t>(size_of(table.type()));
  const auto* source = static_cast<const std::byte*>(table.data());
  auto* target = static_cast<std::byte*>(out.data());
  for (std::int64_t i = 0; i < ids.size(0); ++i) {
    const std::int32_t* row = row_of<std::int32_t>(ids, i);
    for (std::int64_t j = 0; j < ids.size(1); ++j) {
      std::memcpy(target + (i * out.stride(0) + j * out.stride(1)) * element,
                  source + row[j] * table.stride(0) * element, static_cast<std::size_t>(width * element));
    }
  }
}

void embedding_backward(const ConstTensorView& ids, const ConstTensorView& dout, const TensorView& dtable,
                        GradientMode mode) {
  check_rank("dtable", dtable, 2, "[V][I]");
  check_f32_or_f64("dtable", dtable);
  const std::int64_t rows = dtable.size(0);
  const std::int64_t width = dtable.size(1);
  check_ids(ids, rows);
  host::check_view("dout", dout, dtable.type(), {{"T", ids.size(0)}, {"B", ids.size(1)}, {"I", width}});
  host::check_output("dtable", dtable, dtable.type(), {{"V", rows}, {"I", width}});
  host::OverlapCheck overlap;
  overlap.input("ids", ids);
  overlap.input("dout", dout);
  overlap.output("dtable", dtable);
  overlap.check();

  with_float(dtable.type(), [&](auto zero) {
    using E = decltype(zero);
    if (mode == GradientMode::overwrite) {
      for (std::int64_t v = 0; v < rows; ++v) std::fill_n(row_of<E>(dtable, v), width, zero);
    }
    add_rows<E>(ids, dout, dtable);
  });
}

}  // namespace recur::tasks
