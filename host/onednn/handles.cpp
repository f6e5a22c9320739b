#include "host/onednn/handles.hpp"

#include <algorithm>
#include <array>

namespace recur::host::onednn {

MemoryDesc describe(dnnl_data_type_t type, std::initializer_list<std::int64_t> dims,
                    std::initializer_list<std::int64_t> strides) {
  dnnl_dims_t dims_array = {};
  dnnl_dims_t strides_array = {};
  std::ranges::copy(dims, dims_array);
  std::ranges::copy(strides, strides_array);
  MemoryDesc desc;
  check(lib().memory_desc_create_with_strides(desc.out(), static_cast<int>(dims.size()), dims_array, type,
                                              strides_array),
        "memory descriptor");
  return desc;
}

MemoryDesc describe_any(dnnl_data_type_t type, std::initializer_list<std::int64_t> dims) {
  dnnl_dims_t dims_array = {};
  std::ranges::copy(dims, dims_array);
  MemoryDesc desc;
  check(lib().memory_desc_create_with_tag(desc.out(), static_cast<int>(dims.size()), dims_array, type,
                                          dnnl_format_tag_any),
        "memory descriptor of any format");
  return desc;
}

std::size_t bytes_of(const_dnnl_memory_desc_t desc) {
  return desc == nullptr ? 0 : lib().memory_desc_get_size(desc);
}

Attributes user_scratch() {
  Attributes attributes;
  check(lib().primitive_attr_create(attributes.out()), "attributes");
  check(lib().primitive_attr_set_scratchpad_mode(attributes.get(), dnnl_scratchpad_mode_user),
        "scratchpad mode");
  return attributes;
}

Primitive::Primitive(PrimitiveDesc desc) : desc_(std::move(desc)) {
  check(lib().primitive_create(primitive_.out(), desc_.get()), "primitive");
}

const_dnnl_memory_desc_t Primitive::format(int argument) const {
  if (desc_.get() == nullptr) return nullptr;
  return lib().primitive_desc_query_md(desc_.get(), dnnl_query_exec_arg_md, argument);
}

const char* Primitive::implementation() const {
  const char* name = "";
  check(lib().primitive_desc_query(desc_.get(), dnnl_query_impl_info_str, 0, static_cast<void*>(&name)),
        "implementation");
  return name;
}

Primitive make_reorder(const_dnnl_memory_desc_t from, const_dnnl_memory_desc_t to) {
  const Attributes attributes = user_scratch();
  PrimitiveDesc desc;
  check(
      lib().reorder_primitive_desc_create(desc.out(), from, lib().engine, to, lib().engine, attributes.get()),
      "reorder");
  return Primitive(std::move(desc));
}

Runner::Runner(int threads, std::byte* scratch) : threads_(threads), scratch_(scratch) {
  check(lib().stream_create(stream_.out(), lib().engine, dnnl_stream_default_flags), "stream");
}

void Runner::run(const Primitive& primitive, std::initializer_list<Argument> arguments) {
  constexpr std::size_t kMostArguments = 32;
  std::array<Memory, kMostArguments> memory;
  std::array<dnnl_exec_arg_t, kMostArguments> passed;
  std::size_t count = 0;
  const auto pass = [&](const Argument& argument) {
    const const_dnnl_memory_desc_t format = primitive.format(argument.name);
    if (argument.data == nullptr || bytes_of(format) == 0) return;
    check(lib().memory_create(memory.at(count).out(), format, lib().engine, argument.data), "memory");
    passed.at(count) = {argument.name, memory.at(count).get()};
    ++count;
  };
  for (const Argument& argument : arguments) pass(argument);
  pass({DNNL_ARG_SCRATCHPAD, scratch_});
  check(lib().primitive_execute(primitive.get(), stream_.get(), static_cast<int>(count), passed.data()),
        "execution");
  check(lib().stream_wait(stream_.get()), "stream");
}

void Runner::reorder(const Primitive& primitive, const void* from, void* to) {
  // oneDNN takes no pointers to constants; it does not write to what it reads.
  run(primitive, {{DNNL_ARG_FROM, const_cast<void*>(from)}, {DNNL_ARG_TO, to}});
}

}  // namespace recur::host::onednn
