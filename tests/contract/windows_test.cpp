// Inputs whose rows overlap: windows that slide over a signal, read where they lie. On every device.
#include "contract/session.hpp"
#include "engines/device_test.hpp"
#include "support/problem.hpp"

namespace recur::test {
namespace {

class Windows : public DeviceTest {};

// x[t][b] is the window of I samples that starts at sample t * hop of signal b. Outputs and gradients have
// the bits that a dense copy of the windows gives; an engine that takes dense tensors only says so.
TEST_P(Windows, AreReadInPlace) {
  const Size& size = device().option_sizes.front();
  for (Direction direction : {Direction::forward, Direction::reverse, Direction::bidirectional}) {
    for (Index hop : {Index{1}, size.I - 1}) {
      Spec spec = sized(size);
      spec.direction = direction;
      add_lengths(spec);
      if (!takes(spec)) continue;
      SCOPED_TRACE(text_of(size) + " " + direction_name(direction) + " hop " + std::to_string(hop));
      const Index samples = (size.T - 1) * hop + size.I;
      const auto signal = random_tensor(spec.dtype, size.B * samples, 1.0, Random(3, 1));
      auto problem = problem_for(device(), spec, size.T, size.B, 1);
      for (Index t = 0; t < size.T; ++t) {
        for (Index b = 0; b < size.B; ++b) {
          for (Index i = 0; i < size.I; ++i) {
            problem.x[static_cast<std::size_t>((t * size.B + b) * size.I + i)] =
                signal[static_cast<std::size_t>(b * samples + t * hop + i)];
          }
        }
      }
      const auto upstream = random_output_gradients(spec, size.T, size.B, 2);
      typed([&]<class T>() {
        const auto typed_problem = oracle::convert<T>(problem);
        const auto typed_upstream = oracle::convert<T>(upstream);
        Session<T> copied(typed_problem, {.pass = Pass::training}, device());
        Session<T> in_place(typed_problem, {.pass = Pass::training}, device());
        Aligned<T> samples_of(std::vector<T>(signal.begin(), signal.end()));
        in_place.forward_args.x =
            ConstTensorView(samples_of.data(), storage_type<T>, {size.T, size.B, size.I}, {hop, samples, 1});
        in_place.backward_args.x = in_place.forward_args.x;
        in_place.x.poison();
        if (!device().gaps) {
          EXPECT_THROW(in_place.forward(), InvalidArgument);
          return;
        }
        for (Session<T>* session : {&copied, &in_place}) {
          session->set_upstream(typed_upstream);
          session->forward();
          session->backward();
        }
        EXPECT_TRUE(same_bits(in_place.outputs(), copied.outputs()));
        EXPECT_TRUE(same_bits(in_place.all_gradients(), copied.all_gradients()));
      });
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, Windows,
                         ::testing::ValuesIn(cases(&TestDevice::types, cells_of_each_kind())), case_name);

}  // namespace
}  // namespace recur::test
