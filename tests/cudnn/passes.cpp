#include "cudnn/passes.hpp"

#include <cstring>
#include <limits>
#include <stdexcept>

#include "cudnn/dropout.hpp"
#include "cudnn/weights.hpp"
#include "oracle/backward.hpp"
#include "oracle/oracle.hpp"
#include "support/storage.hpp"

namespace recur::test::cudnn {
namespace {

using oracle::Index;

enum class Phase : std::uint64_t { forward = 0x464f5257, data = 0x44415441 };

// At the start of reserve and workspace. cuDNN keeps there what the passes hand on.
struct Header {
  Phase phase;
  std::uint64_t checksum;
};
constexpr std::size_t kHeader = 64;

std::uint64_t checksum_of(const std::byte* data, std::size_t bytes) {
  std::uint64_t sum = 0xcbf29ce484222325u;
  for (std::size_t k = 0; k < bytes; ++k) sum = (sum ^ static_cast<std::uint64_t>(data[k])) * 0x100000001b3u;
  return sum;
}

void expect(bool condition, const char* what) {
  if (!condition) throw std::runtime_error(std::string("cuDNN stand-in: ") + what);
}

std::size_t x_elements(const cudnnRNNDataStruct& x) {
  return static_cast<std::size_t>(x.steps) * static_cast<std::size_t>(x.batch) *
         static_cast<std::size_t>(x.columns);
}

// What a pass with dropout leaves behind x in the reserve: how it drew its masks.
struct DropoutRecord {
  std::uint64_t seed;
  std::uint64_t drawn;
};
std::size_t x_bytes(const cudnnRNNStruct& layer, const cudnnRNNDataStruct& x) {
  return x_elements(x) * element_of(layer.type);
}
// What a checksum is of.
std::size_t kept_bytes(const cudnnRNNStruct& layer, const cudnnRNNDataStruct& x) {
  return x_bytes(layer, x) + (layer.drops() ? sizeof(DropoutRecord) : 0);
}

Spec spec_of(const cudnnRNNStruct& layer, DataType type, bool varies) {
  Spec spec;
  spec.cell = layer.cell == CUDNN_LSTM ? Cell::lstm : layer.cell == CUDNN_GRU ? Cell::gru : Cell::rnn;
  spec.activation = layer.cell == CUDNN_RNN_RELU ? RnnActivation::relu : RnnActivation::tanh;
  spec.input_size = layer.input_size;
  spec.hidden_size = layer.hidden_size;
  spec.projection_size = layer.is_projected() ? layer.output_size : 0;
  spec.layers = layer.layers;
  spec.direction = layer.directions() == 2 ? Direction::bidirectional : Direction::forward;
  spec.bias = layer.bias == CUDNN_RNN_NO_BIAS       ? Bias::none
              : layer.bias == CUDNN_RNN_DOUBLE_BIAS ? Bias::both
                                                    : Bias::single;
  spec.dtype = type;
  spec.variable_lengths = varies;
  spec.dropout = static_cast<double>(layer.dropout.dropout);
  return spec;
}

// One pass in one storage type.
template <class T>
class Pass {
 public:
  using Real = typename StorageOf<T>::Arithmetic;
  static constexpr typename StorageOf<T>::Round kRound{};

  explicit Pass(const Call& call)
      : call_(call),
        places_(call.layer),
        T_(call.x_descriptor.steps),
        B_(call.x_descriptor.batch),
        batch_major_(call.x_descriptor.layout == CUDNN_RNN_DATA_LAYOUT_BATCH_MAJOR_UNPACKED),
        states_(call.layer.layers * call.layer.directions()) {
    problem_.spec = spec_of(call.layer, storage_type<T>, call.x_descriptor.varies());
    problem_.T = T_;
    problem_.B = B_;
    if (call.x_descriptor.varies())
      problem_.lengths.assign(call.x_descriptor.lengths.begin(), call.x_descriptor.lengths.end());
    problem_.h0 = read_state(call.h0, call.layer.output_size);
    if (call.layer.cell == CUDNN_LSTM) problem_.c0 = read_state(call.c0, call.layer.hidden_size);
  }

  void forward(bool training) {
    problem_.x = read_sequence(call_.x, call_.x_descriptor.columns);
    read_weights();
    const bool drops = training && call_.layer.drops();
    const DropoutRecord record = drops ? draw() : DropoutRecord{};
    if (drops) use_masks(record);
    const auto result = oracle::forward(problem_, kRound);
    write_sequence(result.y, call_.y, call_.y_descriptor);
    write(result.hN, call_.hN);
    write(result.cN, call_.cN);
    std::memset(call_.work, 0xff, work_bytes(call_.layer, call_.x_descriptor, training));
    if (!training) return;
    std::memcpy(call_.reserve + kHeader, call_.x, x_bytes(call_.layer, call_.x_descriptor));
    if (drops) std::memcpy(record_address(), &record, sizeof(record));
    put(call_.reserve, {Phase::forward, checksum_of(call_.reserve + kHeader, kept())});
  }

  void backward_data() {
    check_reserve(Phase::forward);
    problem_.x = read_sequence(call_.reserve + kHeader, call_.x_descriptor.columns);
    read_weights();
    if (call_.layer.drops()) {
      DropoutRecord record;
      std::memcpy(&record, record_address(), sizeof(record));
      use_masks(record);
    }
    const auto result = oracle::forward(problem_, kRound);
    check_y(result.y);
    oracle::OutputGradients<Real> upstream;
    upstream.dy = read_sequence(call_.dy, call_.y_descriptor.columns);
    if (call_.dhN != nullptr) upstream.dhN = read_state(call_.dhN, call_.layer.output_size);
    if (call_.dcN != nullptr) upstream.dcN = read_state(call_.dcN, call_.layer.hidden_size);
    const auto gradients = oracle::backward(problem_, result, upstream, kRound);
    write_sequence(gradients.dx, call_.dx, call_.x_descriptor);
    write(gradients.dh0, call_.dh0);
    write(gradients.dc0, call_.dc0);

    auto* sums = reinterpret_cast<double*>(call_.work + kHeader);
    std::fill_n(sums, places_.elements(), 0.0);
    each_weight(gradients.layers,
                [&](const Real& value, std::size_t at) { sums[at] = static_cast<double>(value); });
    const std::size_t bytes = places_.elements() * sizeof(double);
    put(call_.work, {Phase::data, checksum_of(call_.work + kHeader, bytes)});
    const Header header = get(call_.reserve);
    put(call_.reserve, {Phase::data, header.checksum});
  }

  void backward_weights() {
    check_reserve(Phase::data);
    expect(std::memcmp(call_.reserve + kHeader, call_.x, x_bytes(call_.layer, call_.x_descriptor)) == 0,
           "x is not that of the forward pass");
    const Header header = get(call_.work);
    expect(header.phase == Phase::data &&
               header.checksum == checksum_of(call_.work + kHeader, places_.elements() * sizeof(double)),
           "the workspace is not as cudnnRNNBackwardData_v8 left it");
    const auto* sums = reinterpret_cast<const double*>(call_.work + kHeader);
    T* const dweights = static_cast<T*>(call_.dweights);
    for (std::size_t k = 0; k < places_.elements(); ++k) {
      expect(dweights[k] == dweights[k], "dweightSpace was not initialised");
      dweights[k] = T(static_cast<Real>(dweights[k]) + static_cast<Real>(sums[k]));
    }
  }

 private:
  static void put(std::byte* space, const Header& header) { std::memcpy(space, &header, sizeof(header)); }
  static Header get(const std::byte* space) {
    Header header;
    std::memcpy(&header, space, sizeof(header));
    return header;
  }

  void check_reserve(Phase phase) const {
    const Header header = get(call_.reserve);
    expect(header.phase == phase, "the reserve space is not as the pass before left it");
    expect(header.checksum == checksum_of(call_.reserve + kHeader, kept()), "the reserve space was changed");
  }
  std::size_t kept() const { return kept_bytes(call_.layer, call_.x_descriptor); }
  std::byte* record_address() const {
    return call_.reserve + kHeader + x_bytes(call_.layer, call_.x_descriptor);
  }

  // Advances the states by the masks of a pass.
  DropoutRecord draw() const {
    DropoutStates states;
    std::memcpy(&states, call_.layer.dropout.states, sizeof(states));
    expect(states.mark == kStarted, "the states of dropoutDesc were not started, or overwritten");
    const DropoutRecord record{states.seed, states.drawn};
    states.drawn += static_cast<std::uint64_t>(call_.layer.layers - 1);
    std::memcpy(call_.layer.dropout.states, &states, sizeof(states));
    return record;
  }
  void use_masks(const DropoutRecord& record) {
    problem_.dropout_masks = dropout_masks(problem_.spec, T_, B_, record.seed, record.drawn);
  }

  std::size_t row(Index t, Index b) const {
    return static_cast<std::size_t>(batch_major_ ? b * T_ + t : t * B_ + b);
  }
  bool valid(Index t, Index b) const { return t < call_.x_descriptor.lengths[static_cast<std::size_t>(b)]; }

  std::vector<Real> read_sequence(const void* data, int columns) const {
    const auto width = static_cast<std::size_t>(columns);
    std::vector<Real> dense;
    dense.reserve(static_cast<std::size_t>(T_ * B_) * width);
    for (Index t = 0; t < T_; ++t) {
      for (Index b = 0; b < B_; ++b) {
        // What is past a sequence's end is not read.
        const T* from = static_cast<const T*>(data) + row(t, b) * width;
        for (std::size_t j = 0; j < width; ++j)
          dense.push_back(valid(t, b) ? static_cast<Real>(from[j]) : Real(0));
      }
    }
    return dense;
  }

  void write_sequence(const std::vector<Real>& dense, void* data,
                      const cudnnRNNDataStruct& descriptor) const {
    // cudnnSetRNNDataDescriptor: without a fill, what is past the end is undefined.
    T fill = T(std::numeric_limits<float>::quiet_NaN());
    if (!descriptor.padding_fill.empty()) std::memcpy(&fill, descriptor.padding_fill.data(), sizeof(fill));
    const auto width = static_cast<std::size_t>(descriptor.columns);
    auto from = dense.begin();
    for (Index t = 0; t < T_; ++t) {
      for (Index b = 0; b < B_; ++b) {
        T* to = static_cast<T*>(data) + row(t, b) * width;
        for (std::size_t j = 0; j < width; ++j, ++from) to[j] = valid(t, b) ? T(*from) : fill;
      }
    }
  }

  std::vector<Real> read_state(const void* data, int columns) const {
    const auto count = static_cast<std::size_t>(states_ * B_ * columns);
    std::vector<Real> state(count);
    for (std::size_t k = 0; data != nullptr && k < count; ++k)
      state[k] = static_cast<Real>(static_cast<const T*>(data)[k]);
    return state;
  }
  static void write(const std::vector<Real>& values, void* data) {
    for (std::size_t k = 0; data != nullptr && k < values.size(); ++k)
      static_cast<T*>(data)[k] = T(values[k]);
  }

  // f(element of the oracle's tensors, its index in the weight space) for all weights.
  template <class Layers, class F>
  void each_weight(Layers& layers, F&& f) const {
    const cudnnRNNStruct& layer = call_.layer;
    const int D = layer.directions();
    const auto rows_of = [&](auto& tensor, const Place& place, Index first) {
      const std::size_t count =
          static_cast<std::size_t>(place.rows) * static_cast<std::size_t>(place.columns);
      for (std::size_t k = 0; k < count; ++k)
        f(tensor[static_cast<std::size_t>(first) + k], place.offset + k);
    };
    for (int l = 0; l < layer.layers; ++l) {
      auto& of_layer = layers[static_cast<std::size_t>(l)];
      for (int d = 0; d < D; ++d) {
        for (int gate = 0; gate < layer.gates(); ++gate) {
          const Index block = Index{d * layer.gates() + gate} * layer.hidden_size;
          const int pseudo_layer = l * D + d;
          const Place& W = places_.matrix(pseudo_layer, gate);
          const Place& R = places_.matrix(pseudo_layer, layer.gates() + gate);
          rows_of(of_layer.W, W, block * W.columns);
          rows_of(of_layer.R, R, block * R.columns);
          rows_of(of_layer.bW, places_.bias(pseudo_layer, gate), block);
          rows_of(of_layer.bR, places_.bias(pseudo_layer, layer.gates() + gate), block);
        }
        if (!layer.is_projected()) continue;
        const Place& projection = places_.matrix(l * D + d, 2 * layer.gates());
        rows_of(of_layer.projection, projection, Index{d} * layer.output_size * layer.hidden_size);
      }
    }
  }

  void read_weights() {
    const oracle::Sizes sizes(problem_.spec, T_, B_);
    for (Index l = 0; l < problem_.spec.layers; ++l) {
      auto& layer = problem_.layers.emplace_back();
      oracle::resize(layer.W, oracle::Sizes::W(problem_.spec, l));
      oracle::resize(layer.R, sizes.R);
      oracle::resize(layer.bW, sizes.bW);
      oracle::resize(layer.bR, sizes.bR);
      oracle::resize(layer.projection, sizes.projection);
    }
    const T* weights = static_cast<const T*>(call_.weights);
    each_weight(problem_.layers,
                [&](Real& value, std::size_t at) { value = static_cast<Real>(weights[at]); });
  }

  void check_y(const std::vector<Real>& expected) const {
    const std::vector<Real> y = read_sequence(call_.y, call_.y_descriptor.columns);
    for (std::size_t k = 0; k < y.size(); ++k) {
      expect(y[k] == static_cast<Real>(T(expected[k])) || expected[k] != expected[k],
             "y is not what the forward pass wrote");
    }
  }

  const Call& call_;
  WeightPlaces places_;
  Index T_, B_;
  bool batch_major_;
  Index states_;
  oracle::Problem<Real> problem_;
};

template <class F>
void typed(const Call& call, F&& f) {
  switch (call.layer.type) {
    case CUDNN_DATA_DOUBLE: return f(Pass<double>(call));
    case CUDNN_DATA_HALF: return f(Pass<F16>(call));
    case CUDNN_DATA_BFLOAT16: return f(Pass<Bf16>(call));
    default: return f(Pass<float>(call));
  }
}

}  // namespace

std::size_t work_bytes(const cudnnRNNStruct& layer, const cudnnRNNDataStruct& /*x*/, bool training) {
  return kHeader + (training ? WeightPlaces(layer).elements() * sizeof(double) : 0);
}
std::size_t reserve_bytes(const cudnnRNNStruct& layer, const cudnnRNNDataStruct& x) {
  return kHeader + kept_bytes(layer, x);
}

void run_forward(const Call& call, bool training) {
  typed(call, [&](auto pass) { pass.forward(training); });
}
void run_backward_data(const Call& call) {
  typed(call, [](auto pass) { pass.backward_data(); });
}
void run_backward_weights(const Call& call) {
  typed(call, [](auto pass) { pass.backward_weights(); });
}

}  // namespace recur::test::cudnn
