// Any bytes are a safetensors file or a FormatError; what is read can be written and read again.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "recur/error.hpp"
#include "recur/safetensors.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> input = std::as_bytes(std::span(data, size));
  try {
    const recur::Safetensors parsed = recur::parse_safetensors(input);
    std::size_t bytes = 0;
    unsigned sum = 0;
    for (const recur::SafetensorsTensor& tensor : parsed.tensors) {
      for (std::byte one : tensor.data) sum += static_cast<unsigned>(one);
      bytes += tensor.data.size();
    }
    if (bytes > size || sum > 255 * size) std::abort();
    // A file may have types that are not known here, and none is written of these.
    for (const recur::SafetensorsTensor& tensor : parsed.tensors) {
      if (!recur::bits_of_safetensors(tensor.dtype)) return 0;
    }
    const auto again = recur::write_safetensors(parsed.tensors, parsed.metadata);
    if (recur::parse_safetensors(again).tensors.size() != parsed.tensors.size()) std::abort();
  } catch (const recur::FormatError&) {
    // What a damaged file is meant to give.
  }
  return 0;
}
