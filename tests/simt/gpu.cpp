// host/gpu/gpu.hpp for an emulated device: streams, events and graphs are simt's, products are plain loops.
// Compiled like tests, so that the sanitizers see what products read and write.
#include "host/gpu/gpu.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "recur/error.hpp"
#include "simt/launch.hpp"
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

double element(const Matrix& matrix, std::int64_t index) {
  switch (matrix.type) {
    case DataType::f32: return static_cast<const float*>(matrix.data)[index];
    case DataType::f64: return static_cast<const double*>(matrix.data)[index];
    case DataType::bf16: return static_cast<double>(static_cast<const test::Bf16*>(matrix.data)[index]);
    case DataType::f16: return static_cast<double>(static_cast<const test::F16*>(matrix.data)[index]);
    default: throw DeviceError("product: " + std::string(name_of(matrix.type)) + " operands");
  }
}

void store(const Matrix& matrix, std::int64_t index, double value) {
  void* data = const_cast<void*>(matrix.data);
  switch (matrix.type) {
    case DataType::f32: static_cast<float*>(data)[index] = static_cast<float>(value); return;
    case DataType::f64: static_cast<double*>(data)[index] = value; return;
    case DataType::bf16:
      static_cast<test::Bf16*>(data)[index] = test::Bf16(static_cast<float>(value));
      return;
    case DataType::f16: static_cast<test::F16*>(data)[index] = test::F16(static_cast<float>(value)); return;
    default: throw DeviceError("product: a result of " + std::string(name_of(matrix.type)));
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

// A matrix of a batch as [rows][columns] in the type of the sums, rounded to tf32 where that is allowed.
template <class Sum>
std::vector<Sum> read(const Matrix& matrix, std::int64_t which, std::int64_t rows, std::int64_t columns,
                      bool tf32) {
  std::vector<Sum> values;
  values.reserve(static_cast<std::size_t>(rows * columns));
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < columns; ++column) {
      const std::int64_t at =
          matrix.transposed ? column * matrix.row_stride + row : row * matrix.row_stride + column;
      const double value = element(matrix, which * matrix.batch_stride + at);
      values.push_back(tf32 && matrix.type == DataType::f32
                           ? static_cast<Sum>(to_tf32(static_cast<float>(value)))
                           : static_cast<Sum>(value));
    }
  }
  return values;
}

// In slices of 16 terms whose sums are added in order, as the tiles of a GPU's libraries do. One long chain
// is a worse product than any of them has.
template <class Sum>
Sum dot(const Sum* a, const Sum* b, std::int64_t terms) {
  constexpr std::int64_t kSlice = 16;
  Sum sum = 0;
  for (std::int64_t k = 0; k < terms; k += kSlice) {
    const std::int64_t end = std::min(k + kSlice, terms);
    sum += std::inner_product(a + k, a + end, b + k, Sum(0));
  }
  return sum;
}

template <class Sum>
void multiply(const Product& p) {
  Matrix right_by_columns = p.right;
  right_by_columns.transposed = !p.right.transposed;
  for (std::int64_t which = 0; which < p.batch; ++which) {
    const std::vector<Sum> left = read<Sum>(p.left, which, p.M, p.K, p.tf32);
    const std::vector<Sum> right = read<Sum>(right_by_columns, which, p.N, p.K, p.tf32);
    for (std::int64_t m = 0; m < p.M; ++m) {
      for (std::int64_t n = 0; n < p.N; ++n) {
        const Sum* a = left.data() + m * p.K;
        const Sum* b = right.data() + n * p.K;
        Sum sum = dot(a, b, p.K);
        const std::int64_t at = which * p.result.batch_stride + m * p.result.row_stride + n;
        if (p.bias != nullptr) sum += static_cast<Sum>(element({p.bias, p.result.type}, n));
        if (p.accumulate) sum += static_cast<Sum>(element(p.result, at));
        store(p.result, at, static_cast<double>(sum));
      }
    }
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
