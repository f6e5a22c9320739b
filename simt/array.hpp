/// @file
/// Global memory of an emulated device: a heap block of exactly this size, so that AddressSanitizer sees its
/// ends, NaN at first.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <vector>

#include "simt/launch.hpp"

namespace simt {

template <class T>
class Array {
 public:
  explicit Array(std::size_t count) : data_(new T[count]), count_(count) {
    std::memset(static_cast<void*>(data_.get()), 0xff, count * sizeof(T));
    name_global(data_.get(), count * sizeof(T));
  }
  ~Array() { forget_global(data_.get()); }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  explicit Array(const std::vector<T>& from) : Array(from.size()) {
    for (std::size_t i = 0; i < from.size(); ++i) data_[i] = from[i];
  }
  T* data() { return data_.get(); }
  std::vector<T> vector() const { return std::vector<T>(data_.get(), data_.get() + count_); }

 private:
  std::unique_ptr<T[]> data_;
  std::size_t count_;
};

}  // namespace simt
