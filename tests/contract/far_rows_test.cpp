// Rows of weights and of their gradients may lie any distance apart: also more than 2^31 elements.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>

#include "contract/session.hpp"
#include "support/problem.hpp"

namespace recur::test {
namespace {

constexpr std::int64_t kRow = (std::int64_t(1) << 31) + 16;
constexpr std::int64_t kRows = 2;

// Two rows that far apart; what lies between them takes no memory.
class FarRows {
 public:
  explicit FarRows(const Aligned<float>& dense) : columns_(dense.size() / kRows) {
    void* memory =
        mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return;
    data_ = static_cast<float*>(memory);
    for (std::size_t row = 0; row < kRows; ++row)
      std::memcpy(at(row), dense.data() + row * columns_, columns_ * sizeof(float));
  }
  ~FarRows() {
    if (data_ != nullptr) munmap(data_, kBytes);
  }
  FarRows(const FarRows&) = delete;
  FarRows& operator=(const FarRows&) = delete;

  bool given() const { return data_ != nullptr; }
  template <class View>
  View view() const {
    const auto columns = static_cast<std::int64_t>(columns_);
    return View(data_, DataType::f32, {1, kRows, columns}, {kRows * kRow, kRow, 1});
  }
  std::vector<float> dense() const {
    std::vector<float> values;
    for (std::size_t row = 0; row < kRows; ++row) values.insert(values.end(), at(row), at(row) + columns_);
    return values;
  }

 private:
  static constexpr std::size_t kBytes = kRows * kRow * sizeof(float);
  float* at(std::size_t row) const { return data_ + static_cast<std::int64_t>(row) * kRow; }

  std::size_t columns_;
  float* data_ = nullptr;
};

TEST(FarRows, AreReadAndWrittenAsDenseOnesAre) {
  Spec spec;
  spec.cell = Cell::rnn;
  spec.input_size = 3;
  spec.hidden_size = kRows;
  const auto problem = oracle::convert<float>(random_problem(spec, 5, 4, 1));
  const auto upstream = oracle::convert<float>(random_output_gradients(spec, 5, 4, 2));
  Session<float> near(problem, {.pass = Pass::training});
  Session<float> far(problem, {.pass = Pass::training});
  const FarRows W(far.layers[0].W), R(far.layers[0].R), dW(far.layers[0].W), dR(far.layers[0].R);
  ASSERT_TRUE(W.given() && R.given() && dW.given() && dR.given()) << "no address space for 64 GiB";
  far.weights[0].W = W.view<ConstTensorView>();
  far.weights[0].R = R.view<ConstTensorView>();
  far.gradient_views[0].W = dW.view<TensorView>();
  far.gradient_views[0].R = dR.view<TensorView>();
  for (Session<float>* session : {&near, &far}) {
    session->set_upstream(upstream);
    session->forward();
    session->backward();
  }
  EXPECT_TRUE(same_bits(far.outputs(), near.outputs()));
  EXPECT_TRUE(same_bits(far.dx.vector(), near.dx.vector()));
  EXPECT_TRUE(same_bits(dW.dense(), near.gradients[0].dense().W));
  EXPECT_TRUE(same_bits(dR.dense(), near.gradients[0].dense().R));
}

}  // namespace
}  // namespace recur::test
