// A stream: steps come one by one, and the state between them is the caller's. The same layers over the whole
// sequence give the same bits, which the plan is asked for.
#include <cstdio>
#include <cstring>

#include "recur/recur.hpp"

using namespace recur;

int main() {
  const std::int64_t T = 50, B = 2, I = 40, H = 64, L = 2;
  const Spec spec{.cell = Cell::lstm, .input_size = I, .hidden_size = H, .layers = L};
  const Device device = Device::cpu();
  Context context(device);

  LayerTensors weights(spec);
  initialise(weights, 1);
  Tensor x({T, B, I});
  fill_uniform(x.view(), 1, 2);

  // Step by step. One plan serves any number of streams; each has an h and a c of its own, zeros at its
  // start.
  const Options options{.batch_invariant = true};
  const Plan plan = make_plan(spec, {.steps = 1, .batch = B}, device, options);
  Buffer packed(plan.sizes().prepared_weights), workspace(plan.sizes().workspace_prepared);
  const PreparedWeights prepared = prepare_weights(plan, context, Stream(), weights.weights(), packed);
  Tensor h({L, 1, B, H}), c({L, 1, B, H}), streamed({T, B, H});
  for (std::int64_t t = 0; t < T; ++t) {
    StepArgs args;
    args.x = x.at(t);  // [B][I], as it comes in
    args.y = streamed.at(t);
    args.h = h.view();  // read, and overwritten by the state after this step
    args.c = c.view();
    step(plan, context, Stream(), prepared, args, workspace);
  }

  // The whole sequence at once, from the same state, zeros.
  const Plan whole_plan = make_plan(spec, {.steps = T, .batch = B}, device, options);
  Buffer whole_workspace(whole_plan.sizes().workspace);
  Tensor y({T, B, H}), hN({L, 1, B, H});
  ForwardArgs args;
  args.x = x.view();
  args.y = y.view();
  args.hN = hN.view();
  forward(whole_plan, context, Stream(), weights.weights(), args, whole_workspace);

  const auto same = [](const Tensor& a, const Tensor& b) {
    return std::memcmp(a.values<float>().data(), b.values<float>().data(), a.values<float>().size_bytes()) ==
           0;
  };
  const bool equal = same(streamed, y) && same(h, hN);
  std::printf("%lld steps, last output of unit 0: %f; whole and step by step are %s\n",
              static_cast<long long>(T), y.values<float>()[(T - 1) * B * H],
              equal ? "the same" : "different");
  return equal ? 0 : 1;
}
