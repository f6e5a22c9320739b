// What the machine's own cuDNN says without a GPU: which combinations its descriptor of a layer takes, held
// against the table that the engine refuses by. And what is no cuDNN 9.
#include <gtest/gtest.h>

#include <cstdlib>

#include "host/cudnn/combinations.hpp"
#include "host/cudnn/library.hpp"
#include "host/cudnn/setup.hpp"

namespace recur::test {
namespace {

using host::cudnn::Library;
using host::cudnn::load;

constexpr DataType kTypes[] = {DataType::f32, DataType::f64, DataType::f16, DataType::bf16};
constexpr cudnnRNNMode_t kCells[] = {CUDNN_RNN_RELU, CUDNN_RNN_TANH, CUDNN_LSTM, CUDNN_GRU};
constexpr int kHidden = 16;

class Descriptors : public ::testing::Test {
 protected:
  void SetUp() override {
    if (load().library == nullptr) GTEST_SKIP() << "cuDNN 9 cannot be loaded: " << load().failure;
    ASSERT_EQ(library().CreateRNNDescriptor(&layer_), CUDNN_STATUS_SUCCESS);
  }
  void TearDown() override {
    if (layer_ != nullptr) library().DestroyRNNDescriptor(layer_);
  }

  static const Library& library() { return *load().library; }

  bool takes(CudnnAlgorithm algorithm, cudnnRNNMode_t cell, cudnnRNNBiasMode_t bias, DataType storage,
             DataType math, cudnnMathType_t math_type, int projected) {
    return library().SetRNNDescriptor_v8(
               layer_, host::cudnn::native(algorithm), cell, bias, CUDNN_UNIDIRECTIONAL, CUDNN_LINEAR_INPUT,
               host::cudnn::native(storage), host::cudnn::native(math), math_type, 8, kHidden, projected, 2,
               nullptr, CUDNN_RNN_PADDED_IO_ENABLED) == CUDNN_STATUS_SUCCESS;
  }

 private:
  cudnnRNNDescriptor_t layer_ = nullptr;
};

// The table is that of 9.13 and newer: before, descriptors of layers took no bf16.
TEST_F(Descriptors, TypesAreThoseOfTheTable) {
  constexpr std::size_t kFirstWithBf16 = 91300;
  const bool has_bf16 = library().GetVersion() >= kFirstWithBf16;
  for (CudnnAlgorithm algorithm : host::cudnn::algorithms()) {
    for (cudnnRNNMode_t cell : kCells) {
      for (DataType storage : kTypes) {
        for (DataType math : kTypes) {
          for (cudnnMathType_t math_type : {CUDNN_DEFAULT_MATH, CUDNN_TENSOR_OP_MATH, CUDNN_FMA_MATH}) {
            EXPECT_EQ(
                takes(algorithm, cell, CUDNN_RNN_DOUBLE_BIAS, storage, math, math_type, kHidden),
                (has_bf16 || storage != DataType::bf16) && host::cudnn::takes_types(algorithm, storage, math))
                << name_of(algorithm) << " cell " << cell << " " << name_of(storage) << " in "
                << name_of(math);
          }
        }
      }
    }
  }
}

TEST_F(Descriptors, BiasesAndProjectionsAreThoseOfTheTable) {
  for (CudnnAlgorithm algorithm : host::cudnn::algorithms()) {
    for (cudnnRNNMode_t cell : kCells) {
      for (cudnnRNNBiasMode_t bias :
           {CUDNN_RNN_NO_BIAS, CUDNN_RNN_SINGLE_INP_BIAS, CUDNN_RNN_SINGLE_REC_BIAS, CUDNN_RNN_DOUBLE_BIAS}) {
        for (int projected : {kHidden, kHidden / 2}) {
          const bool bias_taken = bias == CUDNN_RNN_DOUBLE_BIAS || host::cudnn::takes_any_bias(algorithm);
          const bool projection_taken =
              projected == kHidden || (cell == CUDNN_LSTM && host::cudnn::takes_projection(algorithm));
          EXPECT_EQ(takes(algorithm, cell, bias, DataType::f32, DataType::f32, CUDNN_FMA_MATH, projected),
                    bias_taken && projection_taken)
              << name_of(algorithm) << " cell " << cell << " bias " << bias << " projected to " << projected;
        }
      }
    }
  }
}

// The engine never asks for a combination that is not in the table.
TEST(Combinations, StandardTakesEveryTypeAsTheEngineAsks) {
  for (DataType storage : kTypes) {
    EXPECT_TRUE(host::cudnn::takes_types(CudnnAlgorithm::standard, storage, host::cudnn::math_of(storage)));
  }
  for (const host::cudnn::TypeRow& row : host::cudnn::type_rows()) {
    EXPECT_TRUE(host::cudnn::takes_types(row.algorithm, row.storage, row.math));
  }
}

// Loaded once a process, so each in a process of its own.
void expect_failure(const char* path, const char* reason) {
  EXPECT_EXIT(
      {
        setenv("RECUR_CUDNN_LIBRARY", path, 1);
        std::fputs(load().failure.c_str(), stderr);
        std::exit(load().library == nullptr ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), reason);
}

TEST(LibraryDeathTest, SaysWhyItCannotBeLoaded) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  expect_failure("/nowhere/libcudnn.so.9", "/nowhere/libcudnn.so.9.*No such file");
  expect_failure(RECUR_CUDNN_8904, "is version 8904");
  expect_failure(RECUR_CUDNN_90100, "has no cudnn");
}

}  // namespace
}  // namespace recur::test
