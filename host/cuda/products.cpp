// Products by cuBLASLt.
#include <cublasLt.h>

#include <array>
#include <bit>
#include <optional>

#include "host/cuda/check.hpp"
#include "host/gpu/gpu.hpp"
#include "host/gpu_pass/kernels.hpp"
#include "host/hash.hpp"

namespace recur::host::gpu {
namespace {

void check_blas(cublasStatus_t status, const char* call, int line) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  const std::string message = std::string(call) + " (" + __FILE__ + ":" + std::to_string(line) +
                              "): " + cublasLtGetStatusString(status);
  if (status == CUBLAS_STATUS_ALLOC_FAILED) throw OutOfMemory(message);
  throw DeviceError(message);
}
#define RECUR_CHECK_BLAS(call) check_blas((call), #call, __LINE__)

cudaDataType_t native_type(DataType type) {
  switch (type) {
    case DataType::f64: return CUDA_R_64F;
    case DataType::f16: return CUDA_R_16F;
    case DataType::bf16: return CUDA_R_16BF;
    default: return CUDA_R_32F;
  }
}

// The largest power of two that divides an address, up to what the library asks about.
std::uint32_t alignment_of(const void* data) {
  constexpr std::uintptr_t kMost = 256;
  return static_cast<std::uint32_t>(std::uintptr_t{1}
                                    << std::countr_zero(reinterpret_cast<std::uintptr_t>(data) | kMost));
}

// Everything that the choice of an algorithm depends on.
struct Shape {
  std::int64_t M, N, K, batch;
  std::int64_t rows[3], batches[3];  // strides of left, right, result
  std::uint32_t alignments[3];
  std::uint32_t bias_alignment;  // 0: no bias
  std::uint8_t types[3];
  bool left_transposed, right_transposed, accumulate, tf32;
  std::int64_t scratch_bytes;

  explicit Shape(const Product& p)
      : M(p.M),
        N(p.N),
        K(p.K),
        batch(p.batch),
        rows{p.left.row_stride, p.right.row_stride, p.result.row_stride},
        batches{p.left.batch_stride, p.right.batch_stride, p.result.batch_stride},
        alignments{alignment_of(p.left.data), alignment_of(p.right.data), alignment_of(p.result.data)},
        bias_alignment(p.bias == nullptr ? 0 : alignment_of(p.bias)),
        types{static_cast<std::uint8_t>(p.left.type), static_cast<std::uint8_t>(p.right.type),
              static_cast<std::uint8_t>(p.result.type)},
        left_transposed(p.left.transposed),
        right_transposed(p.right.transposed),
        accumulate(p.accumulate),
        tf32(p.tf32),
        scratch_bytes(p.scratch_bytes) {}
  bool operator==(const Shape&) const = default;

  std::uint64_t hash() const {
    Hash hash;
    hash.add(static_cast<std::uint64_t>(M))
        .add(static_cast<std::uint64_t>(N))
        .add(static_cast<std::uint64_t>(K));
    for (int i = 0; i < 3; ++i)
      hash.add(static_cast<std::uint64_t>(rows[i])).add(std::uint64_t{alignments[i]});
    return hash.add(static_cast<std::uint64_t>(batch)).add(accumulate).add(bias_alignment != 0).value();
  }
};

// The library counts columns first. Our row-major left [M][K], right [K][N] and result [M][N] are its K x M,
// N x K and N x M, so that its A is our right operand and its B our left one.
struct Description {
  cublasLtMatmulDescOpaque_t operation = {};
  cublasLtMatrixLayoutOpaque_t left = {}, right = {}, result = {};

  explicit Description(const Product& p) {
    const bool is_f64 = p.left.type == DataType::f64;
    const cublasComputeType_t compute =
        is_f64 ? CUBLAS_COMPUTE_64F : (p.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F);
    RECUR_CHECK_BLAS(cublasLtMatmulDescInit(&operation, compute, is_f64 ? CUDA_R_64F : CUDA_R_32F));
    set(CUBLASLT_MATMUL_DESC_TRANSA, p.right.transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
    set(CUBLASLT_MATMUL_DESC_TRANSB, p.left.transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
    // A value for each of its rows, which are our columns.
    if (p.bias != nullptr) {
      set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
      set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, p.bias);
      set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, native_type(p.result.type));
    }
    init(left, p.left, p.left.transposed ? p.K : p.M, p.left.transposed ? p.M : p.K, p.batch);
    init(right, p.right, p.right.transposed ? p.N : p.K, p.right.transposed ? p.K : p.N, p.batch);
    init(result, p.result, p.M, p.N, p.batch);
  }

 private:
  template <class E>
  void set(cublasLtMatmulDescAttributes_t which, E value) {
    RECUR_CHECK_BLAS(cublasLtMatmulDescSetAttribute(&operation, which, &value, sizeof(value)));
  }
  // A row-major [rows][columns] matrix.
  static void init(cublasLtMatrixLayoutOpaque_t& layout, const Matrix& matrix, std::int64_t rows,
                   std::int64_t columns, std::int64_t batch) {
    RECUR_CHECK_BLAS(cublasLtMatrixLayoutInit(&layout, native_type(matrix.type),
                                              static_cast<std::uint64_t>(columns),
                                              static_cast<std::uint64_t>(rows), matrix.row_stride));
    if (batch == 1) return;
    const auto count = static_cast<std::int32_t>(batch);
    RECUR_CHECK_BLAS(
        cublasLtMatrixLayoutSetAttribute(&layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof(count)));
    RECUR_CHECK_BLAS(cublasLtMatrixLayoutSetAttribute(&layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                                                      &matrix.batch_stride, sizeof(matrix.batch_stride)));
  }
};

class Preference {
 public:
  explicit Preference(const Shape& shape) {
    RECUR_CHECK_BLAS(cublasLtMatmulPreferenceInit(&value_));
    set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, static_cast<std::uint64_t>(shape.scratch_bytes));
    // Partial sums are kept in the compute type and added in one order.
    set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, std::uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE});
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, shape.alignments[1]);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, shape.alignments[0]);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, shape.alignments[2]);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, shape.alignments[2]);
  }
  cublasLtMatmulPreferenceOpaque_t* get() { return &value_; }

 private:
  template <class E>
  void set(cublasLtMatmulPreferenceAttributes_t which, E value) {
    RECUR_CHECK_BLAS(cublasLtMatmulPreferenceSetAttribute(&value_, which, &value, sizeof(value)));
  }
  cublasLtMatmulPreferenceOpaque_t value_ = {};
};

}  // namespace

// Algorithms are asked for once per shape and kept in a table of fixed size, so that calls allocate nothing;
// a newcomer takes the place of the shape in its slot. The library's answer depends on the shape alone, so
// that being forgotten changes no bits.
struct Products::State {
  struct Entry {
    bool used = false;
    Shape shape{Product{}};
    std::optional<cublasLtMatmulAlgo_t> algorithm;
  };
  static constexpr std::size_t kEntries = 1024;
  static constexpr std::size_t kProbes = 8;

  cublasLtHandle_t handle = nullptr;
  std::array<Entry, kEntries> entries;

  State() { RECUR_CHECK_BLAS(cublasLtCreate(&handle)); }
  ~State() { static_cast<void>(cublasLtDestroy(handle)); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // None: the library has no algorithm that adds the bias.
  const std::optional<cublasLtMatmulAlgo_t>& algorithm(const Shape& shape, Description& description) {
    const std::uint64_t hash = shape.hash();
    Entry* place = &entries[hash % kEntries];
    for (std::size_t probe = 0; probe < kProbes; ++probe) {
      Entry& entry = entries[(hash + probe) % kEntries];
      if (!entry.used) {
        place = &entry;
        break;
      }
      if (entry.shape == shape) return entry.algorithm;
    }
    place->algorithm = choose(shape, description);
    place->shape = shape;
    place->used = true;
    return place->algorithm;
  }

  std::optional<cublasLtMatmulAlgo_t> choose(const Shape& shape, Description& d) const {
    Preference preference(shape);
    cublasLtMatmulHeuristicResult_t found = {};
    int count = 0;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
        handle, &d.operation, &d.right, &d.left, &d.result, &d.result, preference.get(), 1, &found, &count);
    const bool with_bias = shape.bias_alignment != 0;
    // Also said of combinations of types that have no epilogue.
    if (with_bias && status == CUBLAS_STATUS_INVALID_VALUE) return std::nullopt;
    if (status == CUBLAS_STATUS_NOT_SUPPORTED || (status == CUBLAS_STATUS_SUCCESS && count == 0)) {
      if (with_bias) return std::nullopt;
      throw DeviceError("cublasLtMatmulAlgoGetHeuristic: no algorithm for a product of M=" +
                        std::to_string(shape.M) + " N=" + std::to_string(shape.N) +
                        " K=" + std::to_string(shape.K) + " batch=" + std::to_string(shape.batch));
    }
    RECUR_CHECK_BLAS(status);
    return found.algo;
  }
};

namespace {

// The bias to every row of the result.
void write_bias(const Product& product, StreamHandle stream) {
  recur::gpu_pass::CopyRows copy;
  copy.timeline.steps = product.batch;
  copy.steps = product.batch;
  copy.batch = product.M;
  copy.columns = product.N;
  copy.from = {product.bias, 0, 0};
  copy.to = {const_cast<void*>(product.result.data), product.result.batch_stride, product.result.row_stride};
  gpu_pass::kernels_of(product.result.type).copy_rows(copy, stream);
}

}  // namespace

Products::Products() : state_(std::make_unique<State>()) {}
Products::~Products() = default;

void Products::run(const Product& product, std::byte* scratch, StreamHandle stream) {
  Description d(product);
  const std::optional<cublasLtMatmulAlgo_t>& algorithm = state_->algorithm(Shape(product), d);
  if (!algorithm) {
    // The bias first, and the product is added to it.
    write_bias(product, stream);
    Product rest = product;
    rest.bias = nullptr;
    rest.accumulate = true;
    run(rest, scratch, stream);
    return;
  }
  const float one = 1.0F;
  const float none = 0.0F;
  const double one_f64 = 1.0;
  const double none_f64 = 0.0;
  const bool is_f64 = product.left.type == DataType::f64;
  const void* alpha = is_f64 ? static_cast<const void*>(&one_f64) : &one;
  const void* beta = is_f64 ? static_cast<const void*>(product.accumulate ? &one_f64 : &none_f64)
                            : (product.accumulate ? &one : &none);
  void* result = const_cast<void*>(product.result.data);
  RECUR_CHECK_BLAS(cublasLtMatmul(state_->handle, &d.operation, alpha, product.right.data, &d.right,
                                  product.left.data, &d.left, beta, result, &d.result, result, &d.result,
                                  &*algorithm, scratch, static_cast<std::size_t>(product.scratch_bytes),
                                  static_cast<cudaStream_t>(stream)));
}

}  // namespace recur::host::gpu
