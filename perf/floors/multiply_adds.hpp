// Multiply-adds as fast as one thread can do them: operands and results stay in registers.
#pragma once

#include <cstddef>

namespace recur::perf {

// Chains of multiply-adds that do not wait for each other: one takes four or five cycles, and two start in
// each.
inline constexpr std::size_t kMultiplyAddChains = 12;

// Appends `times` multiply-adds to each chain, with the widest vectors that the processor has. `value` starts
// the chains and becomes something that depends on all of them. Returns the operations done: two for each
// element.
double multiply_add(std::size_t times, float& value);
double multiply_add(std::size_t times, double& value);

// The same with AVX512_BF16, whose instruction multiplies two pairs of bf16 and adds both products to an f32.
// Only where has_bf16_multiply_add().
double multiply_add_bf16(std::size_t times, float& value);
bool has_bf16_multiply_add();

}  // namespace recur::perf
