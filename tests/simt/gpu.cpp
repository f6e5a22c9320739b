// host/gpu/gpu.hpp for an emulated device: streams, events and graphs are simt's, products are plain loops.
// Compiled like tests, so that the sanitizers see what products read and write.
#include "host/gpu/gpu.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <vector>

#include "recur/error.hpp"
#include "simt/launch.hpp"
#include "support/device_memory.hpp"
#include "support/storage.hpp"

namespace recur::host::gpu {
namespace {

// What simt reports of streams is what a GPU's runtime would.
template <class Function>
auto reported(Function function) {
  try {
    return function();
  } catch (const simt::Fault& fault) {
    throw DeviceError(fault.what());
  }
}

}  // namespace

int device_count() { return 1; }

DeviceProps device_props(int ordinal) {
  if (ordinal != 0) throw Unsupported("CUDA device " + std::to_string(ordinal) + ": there is one, emulated");
  const simt::DeviceModel& model = simt::device();
  DeviceProps props;
  props.kind = DeviceKind::cuda;
  props.name = model.name;
  CudaProps& cuda = props.cuda;
  cuda.ordinal = 0;
  cuda.compute_major = model.compute / 10;
  cuda.compute_minor = model.compute % 10;
  cuda.multiprocessors = model.multiprocessors;
  cuda.shared_per_multiprocessor = model.shared_per_multiprocessor;
  cuda.shared_per_block_optin = model.shared_per_block;
  cuda.registers_per_multiprocessor = model.registers_per_multiprocessor;
  cuda.l2_bytes = std::size_t{50} << 20;
  cuda.global_bytes = std::size_t{80} << 30;
  cuda.most_cluster = model.largest_cluster;
  // Of blocks that take a multiprocessor each.
  const int groups = model.multiprocessors / model.multiprocessors_per_group;
  int blocks = 1;
  for (int& clusters : cuda.clusters_at_once) {
    blocks *= 2;
    if (blocks <= model.largest_cluster) clusters = groups * (model.multiprocessors_per_group / blocks);
  }
  return props;
}

DeviceGuard::DeviceGuard(int ordinal) : before_(ordinal) {}
DeviceGuard::~DeviceGuard() { static_cast<void>(before_); }

StreamHandle create_stream() { return simt::create_stream(); }
void destroy_stream(StreamHandle stream) noexcept { simt::destroy_stream(stream); }
EventHandle create_event() { return simt::create_event(); }
void destroy_event(EventHandle event) noexcept { simt::destroy_event(event); }
void record(EventHandle event, StreamHandle stream) {
  reported([&] { simt::record(event, stream); });
}
void wait(StreamHandle stream, EventHandle event) {
  reported([&] { simt::wait(stream, event); });
}

void clear(void* data, std::size_t bytes, StreamHandle stream) {
  simt::enqueue("clear", stream, [=] { std::memset(data, 0, bytes); });
}
void copy_rows(const RowsCopy& copy, StreamHandle stream) {
  for (std::size_t pitch : {copy.to_pitch, copy.from_pitch}) {
    if (pitch < copy.width || pitch > kMostPitch)
      throw DeviceError("copy of rows: a pitch of " + std::to_string(pitch));
  }
  simt::enqueue("copy of rows", stream, [copy] {
    for (std::size_t row = 0; row < copy.rows; ++row) {
      std::memcpy(static_cast<std::byte*>(copy.to) + row * copy.to_pitch,
                  static_cast<const std::byte*>(copy.from) + row * copy.from_pitch, copy.width);
    }
  });
}

void upload(void* to, const void* from, std::size_t bytes, StreamHandle stream) {
  const auto* const first = static_cast<const std::byte*>(from);
  simt::enqueue("upload", stream, [to, copy = std::vector<std::byte>(first, first + bytes)] {
    std::memcpy(to, copy.data(), copy.size());
  });
}

void* allocate(std::size_t bytes) { return test::host_memory().allocate(bytes); }
void release(void* memory) noexcept { test::host_memory().free(memory, 0); }
void synchronize(StreamHandle /*stream*/) {
  reported([] { simt::synchronize(); });
}

void begin_capture(StreamHandle stream) {
  reported([&] { simt::begin_capture(stream); });
}
GraphHandle end_capture(StreamHandle stream) {
  return reported([&] { return simt::end_capture(stream); });
}
void launch_graph(GraphHandle graph, StreamHandle stream) {
  reported([&] { simt::launch_graph(graph, stream); });
}
void destroy_graph(GraphHandle graph) noexcept { simt::destroy_graph(graph); }

struct Products::State {};
Products::Products() = default;
Products::~Products() = default;

namespace {

// f(data) with the data of a matrix as what it is.
template <class F>
decltype(auto) with_data(const Matrix& matrix, F&& f) {
  switch (matrix.type) {
    case DataType::f32: return f(static_cast<const float*>(matrix.data));
    case DataType::f64: return f(static_cast<const double*>(matrix.data));
    case DataType::bf16: return f(static_cast<const test::Bf16*>(matrix.data));
    case DataType::f16: return f(static_cast<const test::F16*>(matrix.data));
    default: throw DeviceError("product: a matrix of " + std::string(name_of(matrix.type)));
  }
}

float to_tf32(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  if ((bits & 0x7f800000u) != 0x7f800000u) bits += 0x1000u;
  bits &= 0xffffe000u;
  std::memcpy(&value, &bits, sizeof(bits));
  return value;
}

// A matrix of a batch as [rows][pitch] in the type of the sums, zeros past its columns, rounded to tf32 where
// that is allowed.
template <class Sum>
std::vector<Sum> read(const Matrix& matrix, std::int64_t which, std::int64_t rows, std::int64_t columns,
                      std::int64_t pitch, bool tf32) {
  std::vector<Sum> values(static_cast<std::size_t>(rows * pitch));
  const std::int64_t row_stride = matrix.transposed ? 1 : matrix.row_stride;
  const std::int64_t column_stride = matrix.transposed ? matrix.row_stride : 1;
  with_data(matrix, [&](const auto* data) {
    data += which * matrix.batch_stride;
    for (std::int64_t row = 0; row < rows; ++row) {
      const auto* from = data + row * row_stride;
      Sum* to = values.data() + row * pitch;
      for (std::int64_t column = 0; column < columns; ++column)
        to[column] = static_cast<Sum>(from[column * column_stride]);
    }
  });
  if (tf32 && matrix.type == DataType::f32) {
    for (Sum& value : values) value = static_cast<Sum>(to_tf32(static_cast<float>(value)));
  }
  return values;
}

// Some columns of a row of the product, at once because compilers have vectors. In slices of 16 terms whose
// sums are added in order, as the tiles of a GPU's libraries do: one long chain is a worse product than any
// of them has.
constexpr std::int64_t kColumns = 16;

// sums[j] of columns first + j of right [terms][pitch], which has whole multiples of kColumns.
template <class Sum>
void dot(const Sum* row, const Sum* right, std::int64_t terms, std::int64_t pitch, std::int64_t first,
         Sum* sums) {
  constexpr std::int64_t kSlice = 16;
  std::fill_n(sums, kColumns, Sum(0));
  for (std::int64_t k = 0; k < terms;) {
    Sum slice[kColumns] = {};
    for (const std::int64_t end = std::min(k + kSlice, terms); k < end; ++k) {
      const Sum* from = right + k * pitch + first;
      for (std::int64_t j = 0; j < kColumns; ++j) slice[j] += row[k] * from[j];
    }
    for (std::int64_t j = 0; j < kColumns; ++j) sums[j] += slice[j];
  }
}

template <class Sum>
void multiply(const Product& p) {
  const std::int64_t pitch = (p.N + kColumns - 1) / kColumns * kColumns;
  for (std::int64_t which = 0; which < p.batch; ++which) {
    const std::vector<Sum> left = read<Sum>(p.left, which, p.M, p.K, p.K, p.tf32);
    const std::vector<Sum> right = read<Sum>(p.right, which, p.K, p.N, pitch, p.tf32);
    with_data(p.result, [&](const auto* constant) {
      using T = std::remove_const_t<std::remove_pointer_t<decltype(constant)>>;
      T* const result = const_cast<T*>(constant) + which * p.result.batch_stride;
      const T* const bias = static_cast<const T*>(p.bias);
      for (std::int64_t m = 0; m < p.M; ++m) {
        for (std::int64_t first = 0; first < p.N; first += kColumns) {
          Sum sums[kColumns];
          dot(left.data() + m * p.K, right.data(), p.K, pitch, first, sums);
          for (std::int64_t n = first; n < std::min(first + kColumns, p.N); ++n) {
            Sum sum = sums[n - first];
            T& to = result[m * p.result.row_stride + n];
            if (bias != nullptr) sum += static_cast<Sum>(bias[n]);
            if (p.accumulate) sum += static_cast<Sum>(to);
            to = static_cast<T>(sum);
          }
        }
      }
    });
  }
}

}  // namespace

// The scratch is written as a library would: two streams that share one are a race.
void Products::run(const Product& product, std::byte* scratch, StreamHandle stream) {
  if (product.left.type != product.right.type) throw DeviceError("product: operands of two types");
  if (product.bias != nullptr && product.accumulate) throw DeviceError("product: a bias beside accumulate");
  if (reinterpret_cast<std::uintptr_t>(product.bias) % 16 != 0)
    throw DeviceError("product: a bias that is not 16-byte aligned");
  simt::enqueue("product", stream, [product, scratch] {
    scratch[0] = std::byte{0};
    if (product.left.type == DataType::f64) {
      multiply<double>(product);
    } else {
      multiply<float>(product);
    }
  });
}

}  // namespace recur::host::gpu
