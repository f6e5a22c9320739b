// The kernels of one instruction set. The build compiles this file once per set, with that set's compiler
// flags and RECUR_SIMD_TABLE naming the constant to define; nothing else in the library is compiled with
// them. What it offers is data only: a function would itself be compiled for a set that the machine may not
// have.
#define HWY_COMPILE_ONLY_STATIC
#include "host/cpu/simd/kernels.hpp"

#include <algorithm>

#include "host/cpu/simd/activations.hpp"
#include "host/cpu/simd/products.hpp"
#include "host/cpu/simd/tiles.hpp"
#include "host/cpu/simd/vector.hpp"
#include "kernels/device/dropout.cuh"

namespace recur::host::cpu {
namespace HWY_NAMESPACE {
namespace {

template <class E>
void sigmoid_map(const E* x, E* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; i += Vec<E>::kLanes) {
    VectorMath::sigmoid(Vec<E>::load(x + i, count - i)).store(y + i, count - i);
  }
}

template <class E>
void tanh_map(const E* x, E* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; i += Vec<E>::kLanes) {
    VectorMath::tanh(Vec<E>::load(x + i, count - i)).store(y + i, count - i);
  }
}

template <class E>
void function_map(const TypedActivation<E>& function, const E* x, E* value, E* slope, std::int64_t count) {
  for (std::int64_t i = 0; i < count; i += Vec<E>::kLanes) {
    const Activated<E> result = activated(function, Vec<E>::load(x + i, count - i));
    result.value.store(value + i, count - i);
    result.slope.store(slope + i, count - i);
  }
}

// The compiler forms several groups at once: they are functions of their numbers alone.
void dropout_words(std::uint64_t seed, std::int64_t layer, std::int64_t t, std::int64_t b, std::int64_t group,
                   std::int64_t groups, std::uint32_t* words) {
  for (std::int64_t i = 0; i < groups; ++i) {
    const device::PhiloxBlock block = device::dropout_words(seed, layer, t, b, group + i);
    for (int j = 0; j < device::kOutputsPerBlock; ++j)
      words[device::kOutputsPerBlock * i + j] = block.word[j];
  }
}

template <class Cell, class E>
constexpr void add_tiles(CellTiles<E>& tiles, int variant) {
  tiles.forward[variant][0] = &forward_tile<Cell, 0, E>;
  tiles.backward[variant][0] = &backward_tile<Cell, 0, E>;
  if constexpr (Cell::kPhases > 1) {
    tiles.forward[variant][1] = &forward_tile<Cell, 1, E>;
    tiles.backward[variant][1] = &backward_tile<Cell, 1, E>;
  }
}

// Gates of the phase that has most of them.
template <class Cell>
constexpr int widest_phase() {
  int most = 0;
  for (int phase = 0; phase < Cell::kPhases; ++phase)
    most = std::max(most, Cell::phase_gate(phase + 1) - Cell::phase_gate(phase));
  return most;
}

template <class E>
constexpr Kernels<E> make_table(std::string_view name, typename Kernels<E>::Product product) {
  using A = Arithmetic<E>;
  Kernels<E> table{};
  table.target = name;
  table.lanes = static_cast<int>(Vec<A>::kLanes);
  table.max_panel_vectors = kMaxPanelVectors;
  table.product = product;
  table.sigmoid = &sigmoid_map<A>;
  table.tanh = &tanh_map<A>;
  table.function = &function_map<A>;
  table.dropout_words = &dropout_words;
  for (int v = 0; v < cells::kVariantCount; ++v) {
    cells::visit(static_cast<cells::Variant>(v), [&]<class Cell>() {
      static_assert(widest_phase<Cell>() <= kMaxPanelVectors, "a panel has all gates of a phase");
      add_tiles<Cell>(table.own, v);
      add_tiles<typename Cell::template With<GivenActivations>>(table.given, v);
    });
  }
  return table;
}

#define RECUR_STRING_OF(name) #name
#define RECUR_STRING(name) RECUR_STRING_OF(name)
// "N_AVX3" without its prefix.
constexpr std::string_view kName = std::string_view(RECUR_STRING(HWY_NAMESPACE)).substr(2);
constexpr Kernels<float> kF32 = make_table<float>(kName, &product_f32);
constexpr Kernels<double> kF64 = make_table<double>(kName, &product_f64);
constexpr Kernels<Bf16> make_bf16_table(std::string_view name, std::string_view products,
                                        Kernels<Bf16>::Product product) {
  Kernels<Bf16> table = make_table<Bf16>(name, product);
  table.products = products;
  return table;
}
constexpr Kernels<Bf16> kBf16 = make_bf16_table(kName, "bf16 products by f32 multiply-adds", &product_bf16);

}  // namespace
}  // namespace HWY_NAMESPACE

extern const SimdTarget RECUR_SIMD_TABLE;
constinit const SimdTarget RECUR_SIMD_TABLE = {
    HWY_NAMESPACE::kName, HWY_TARGET,           false,
    &HWY_NAMESPACE::kF32, &HWY_NAMESPACE::kF64, &HWY_NAMESPACE::kBf16};

// The same set with another product of bf16, compiled with the flags of AVX512_BF16 (products.cpp).
#if defined(RECUR_SIMD_BF16_TABLE)
namespace N_AVX3_BF16 {
void product_bf16(const ProductArgs<Bf16>& p);
}
namespace HWY_NAMESPACE {
namespace {
constexpr std::string_view kNameWithBf16 = "AVX3_BF16";
constexpr Kernels<Bf16> kBf16ByInstruction =
    make_bf16_table(kNameWithBf16, "bf16 products by AVX512_BF16", &N_AVX3_BF16::product_bf16);
}  // namespace
}  // namespace HWY_NAMESPACE
extern const SimdTarget RECUR_SIMD_BF16_TABLE;
constinit const SimdTarget RECUR_SIMD_BF16_TABLE = {
    HWY_NAMESPACE::kNameWithBf16, HWY_TARGET,           true,
    &HWY_NAMESPACE::kF32,         &HWY_NAMESPACE::kF64, &HWY_NAMESPACE::kBf16ByInstruction};
#endif

}  // namespace recur::host::cpu
