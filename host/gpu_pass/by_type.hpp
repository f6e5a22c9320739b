// What exists once for each storage type, chosen at run time.
#pragma once

#include <utility>

#include "recur/types.hpp"

namespace recur::host::gpu_pass {

// of.template operator()<kType>() for the storage type.
template <class Of>
decltype(auto) by_type(DataType type, Of&& of) {
  switch (type) {
    case DataType::f64: return of.template operator()<DataType::f64>();
    case DataType::f16: return of.template operator()<DataType::f16>();
    case DataType::bf16: return of.template operator()<DataType::bf16>();
    default: return of.template operator()<DataType::f32>();
  }
}

}  // namespace recur::host::gpu_pass
