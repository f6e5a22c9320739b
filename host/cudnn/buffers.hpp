// The caller's buffers, laid out by name. The same constructors with a null base give the sizes a plan
// reports. What cuDNN is given lies at multiples of 256 bytes, as memory that CUDA allocates does: the
// algorithms of its products may depend on alignment, and equal plans must give equal bits.
#pragma once

#include "host/carver.hpp"
#include "host/cudnn/weight_space.hpp"

namespace recur::host::cudnn {

// All sizes are those of the largest call.
struct Spaces {
  TempSpaces temp;
  std::size_t weights;
  std::size_t inputs;        // of x
  std::size_t outputs;       // of y
  std::size_t hidden_state;  // of h0
  std::size_t cell_state;    // of c0; 0 for cells without
  std::size_t dropout;       // states of random numbers; 0 where nothing is dropped

  Spaces() = default;
  Spaces(const Setup& setup, const RunSizes& most, const TempSpaces& temp_spaces, std::size_t weight_bytes,
         std::size_t dropout_bytes)
      : temp(temp_spaces),
        weights(weight_bytes),
        inputs(bytes_of(setup, {most.steps, most.batch, setup.input_size})),
        outputs(bytes_of(setup, {most.steps, most.batch, setup.directions, setup.output_size})),
        hidden_state(bytes_of(setup, {setup.pseudo_layers(), most.batch, setup.output_size})),
        cell_state(setup.has_cell_state()
                       ? bytes_of(setup, {setup.pseudo_layers(), most.batch, setup.hidden_size})
                       : 0),
        dropout(dropout_bytes) {}

 private:
  static std::size_t bytes_of(const Setup& setup, std::initializer_list<std::int64_t> sizes) {
    const std::int64_t count = checked_product("buffer", sizes);
    return static_cast<std::size_t>(
        checked_product("buffer", {count, static_cast<std::int64_t>(setup.element)}));
  }
};

class SpaceCarver {
 public:
  explicit SpaceCarver(std::byte* base) : carver_(base, 256) {}
  std::byte* take(std::size_t bytes) { return carver_.take_bytes(static_cast<std::int64_t>(bytes)); }
  std::size_t bytes() const { return carver_.bytes(); }

 private:
  Carver carver_;
};

struct PreparedBuffer {
  SpaceCarver carver;
  std::byte* weights;

  PreparedBuffer(std::byte* base, const Spaces& spaces)
      : carver(base), weights(carver.take(spaces.weights)) {}
};

struct ReserveBuffer {
  SpaceCarver carver;
  std::byte* reserve;

  ReserveBuffer(std::byte* base, const Spaces& spaces)
      : carver(base), reserve(carver.take(spaces.temp.reserve)) {}
};

struct ForwardBuffers {
  SpaceCarver carver;
  std::byte* work;
  std::byte* h0;  // copies, where the final states overwrite the initial ones
  std::byte* c0;
  std::byte* dropout;
  std::byte* weights;  // not with prepared weights

  ForwardBuffers(std::byte* base, const Spaces& spaces, bool prepared)
      : carver(base),
        work(carver.take(spaces.temp.work)),
        h0(carver.take(spaces.hidden_state)),
        c0(carver.take(spaces.cell_state)),
        dropout(carver.take(spaces.dropout)),
        weights(prepared ? nullptr : carver.take(spaces.weights)) {}
};

struct BackwardBuffers {
  SpaceCarver carver;
  std::byte* work;
  std::byte* weights;
  std::byte* dweights;
  std::byte* reserve;  // a copy: cuDNN writes to it
  std::byte* dy;       // zeros, where it is not given
  std::byte* dx;       // where it is not asked for
  std::byte* dhN;      // copies, where the gradients of the initial states overwrite them
  std::byte* dcN;
  std::byte* dropout;

  BackwardBuffers(std::byte* base, const Spaces& spaces)
      : carver(base),
        work(carver.take(spaces.temp.work)),
        weights(carver.take(spaces.weights)),
        dweights(carver.take(spaces.weights)),
        reserve(carver.take(spaces.temp.reserve)),
        dy(carver.take(spaces.outputs)),
        dx(carver.take(spaces.inputs)),
        dhN(carver.take(spaces.hidden_state)),
        dcN(carver.take(spaces.cell_state)),
        dropout(carver.take(spaces.dropout)) {}
};

}  // namespace recur::host::cudnn
