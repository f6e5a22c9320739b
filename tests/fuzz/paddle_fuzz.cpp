// Any bytes are a Paddle parameter file or a FormatError.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "examples/lac_tagger/paddle.hpp"
#include "recur/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> input(data, size);
  try {
    const lac::PaddleParameter parameter = lac::parse_paddle_parameter(std::as_bytes(input));
    std::int64_t count = 1;
    for (const std::int64_t dim : parameter.dims) count *= dim;
    // The promises of a parse that succeeds; 4 * count fits in the input, so nothing here is large.
    if (parameter.dims.empty() || count != parameter.count ||
        parameter.data.size() != 4 * static_cast<std::size_t>(count)) {
      std::abort();
    }
    std::vector<float> values(static_cast<std::size_t>(parameter.count));
    lac::copy_values(parameter, values);
  } catch (const recur::FormatError&) {
    // What a damaged file is meant to give.
  }
  return 0;
}
