#include "simt/resident/tiled_device.hpp"

namespace recur::test {

std::vector<TestDevice> test_devices() { return {tiled_device()}; }

}  // namespace recur::test
