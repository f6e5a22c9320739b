// What oneDNN hands out, owned; and a primitive with the memory formats it asks for.
#pragma once

#include <initializer_list>
#include <utility>

#include "host/onednn/library.hpp"

namespace recur::host::onednn {

template <class Pointer, auto kDestroy>
class Handle {
 public:
  Handle() = default;
  Handle(Handle&& other) noexcept : value_(std::exchange(other.value_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Handle() {
    if (value_ != nullptr) (lib().*kDestroy)(value_);
  }

  Pointer get() const { return value_; }
  Pointer* out() { return &value_; }

 private:
  Pointer value_ = nullptr;
};

using MemoryDesc = Handle<dnnl_memory_desc_t, &Library::memory_desc_destroy>;
using Memory = Handle<dnnl_memory_t, &Library::memory_destroy>;
using PrimitiveDesc = Handle<dnnl_primitive_desc_t, &Library::primitive_desc_destroy>;
using Attributes = Handle<dnnl_primitive_attr_t, &Library::primitive_attr_destroy>;
using CallStream = Handle<dnnl_stream_t, &Library::stream_destroy>;

// A dense tensor where no strides are given; dimensions in oneDNN's order, strides in elements.
MemoryDesc describe(dnnl_data_type_t type, std::initializer_list<std::int64_t> dims,
                    std::initializer_list<std::int64_t> strides);
// A tensor in the format that the primitive likes best.
MemoryDesc describe_any(dnnl_data_type_t type, std::initializer_list<std::int64_t> dims);
std::size_t bytes_of(const_dnnl_memory_desc_t desc);

// Scratch memory is the caller's.
Attributes user_scratch();

// A primitive, ready to run.
class Primitive {
 public:
  Primitive() = default;
  explicit Primitive(PrimitiveDesc desc);

  const_dnnl_primitive_desc_t desc() const { return desc_.get(); }
  const_dnnl_primitive_t get() const { return primitive_.get(); }
  // The format of an argument, e.g. DNNL_ARG_WEIGHTS_LAYER; owned by this. Null where this is no primitive.
  const_dnnl_memory_desc_t format(int argument) const;
  std::size_t scratch_bytes() const { return bytes_of(format(DNNL_ARG_SCRATCHPAD)); }
  const char* implementation() const;

 private:
  PrimitiveDesc desc_;
  Handle<dnnl_primitive_t, &Library::primitive_destroy> primitive_;
};

// A dense tensor's way into the format of an argument, or out of it.
Primitive make_reorder(const_dnnl_memory_desc_t from, const_dnnl_memory_desc_t to);

// Runs primitives on the calling thread's behalf, one after the other, with one scratch memory.
class Runner {
 public:
  struct Argument {
    int name;    // e.g. DNNL_ARG_SRC_LAYER
    void* data;  // read or written as the primitive does; null: the primitive has no such argument
  };

  Runner(int threads, std::byte* scratch);
  void run(const Primitive& primitive, std::initializer_list<Argument> arguments);
  void reorder(const Primitive& primitive, const void* from, void* to);

 private:
  ThreadsOfCalls threads_;
  std::byte* scratch_;
  CallStream stream_;
};

}  // namespace recur::host::onednn
