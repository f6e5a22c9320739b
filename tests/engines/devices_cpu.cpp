#include "engines/simd_names.hpp"
#include "engines/test_device.hpp"
#include "host/onednn/availability.hpp"
#include "oracle/dropout.hpp"

namespace recur::test {
namespace {

constexpr Size kSizes[] = {
    {1, 1, 1, 1, "the least of everything"},
    {1, 3, 5, 7, "one step; odd sizes; fewer rows than a tile has"},
    {6, 1, 4, 16, "one sequence; exactly one AVX-512 vector of f32"},
    {4, 2, 3, 15, "one unit below a vector"},
    {4, 2, 3, 17, "one unit above a vector"},
    {3, 23, 4, 32, "one row below the tile of rows; exactly one panel of an lstm"},
    {3, 25, 4, 33, "one row above the tile of rows; one unit above that panel"},
    {2, 3, 16, 63, "one unit below two panels"},
    {3, 2, 31, 129, "one unit above the widest panel"},
    {40, 16, 8, 64, "several chunks of time"},
    {400, 2, 3, 25, "drift over a long sequence"},
};

constexpr Size kOptionSizes[] = {
    {7, 5, 3, 19, "odd, several rows, more than one vector; episodes start and end inside"},
};

TestDevice onednn_device() {
  TestDevice device{.name = "onednn", .engine = EngineId::onednn, .device = Device::cpu()};
  if (!host::onednn::is_loaded()) device.absent = "oneDNN's shared library was not found";
  // The threads of its OpenMP meet many times a step: with more of them than idle cores a test takes minutes.
  device.threads = 2;
  device.types = device.option_types = {DataType::f32, DataType::bf16};
  device.sizes = kSizes;
  device.option_sizes = kOptionSizes;
  return device;
}

}  // namespace

std::vector<TestDevice> test_devices() {
  TestDevice device = cpu_device();
  device.batch_invariant = true;
  device.threads = 4;
  device.simd = simd_names;
  device.types = {DataType::f32, DataType::f64, DataType::bf16};
  device.option_types = {DataType::f32, DataType::bf16};
  device.sizes = kSizes;
  device.option_sizes = kOptionSizes;
  device.dropout_masks = oracle::dropout_masks;
  std::vector<TestDevice> devices = {device};
  if (!host::onednn_engines().empty()) devices.push_back(onednn_device());
  return devices;  // bit_sizes: contract/session.hpp derives them from the tiling, cell by cell
}

}  // namespace recur::test
