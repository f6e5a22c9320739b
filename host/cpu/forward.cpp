#include "host/cpu/forward.hpp"

#include "host/cpu/copy.hpp"
#include "host/cpu/gather.hpp"
#include "host/cpu/large_product.hpp"
#include "host/cpu/members.hpp"
#include "host/cpu/sequence.hpp"

namespace recur::host::cpu {
namespace {

constexpr std::int64_t kMaxTileSums = 6 * 64;  // bytes: six of the widest vectors

template <class T>
class ForwardPass {
  using A = Arithmetic<T>;

 public:
  ForwardPass(const PlanView<T>& plan, const ForwardCall& call)
      : g_(plan.geometry),
        kernels_(plan.kernels),
        functions_(plan.functions),
        call_(call),
        args_(*call.args),
        sizes_(call.sizes),
        bits_id_(plan.bits_id),
        training_(plan.training),
        canonical_(!call.weights->is_prepared()),
        buffers_(call.workspace.data(), g_, sizes_, training_, canonical_),
        reserve_(training_ ? call.reserve.data() : nullptr, g_, sizes_),
        barriers_(g_.tiling) {
    if (canonical_) {
      packed_ = buffers_.packed;
      point_to_canonical_W();
    } else {
      auto* data = static_cast<std::byte*>(const_cast<void*>(call.weights->prepared().data));  // only read
      packed_ = PreparedBuffer<T>(data, g_).weights;
    }
  }

  // What each member of the team runs.
  void run(const Member& member) {
    if (training_ && member.index == 0) {
      *reserve_.header = reserve_header(bits_id_, sizes_);
    }
    if (canonical_) {
      pack(member);
      barriers_.team.wait();
    }
    for (std::int64_t layer = 0; layer < g_.layers; ++layer) {
      const Range directions = member.directions(g_.tiling, g_.directions);
      for (std::int64_t d = directions.begin; d < directions.end; ++d) run_direction(member, layer, d);
      barriers_.team.wait();
    }
  }

  Barriers& barriers() { return barriers_; }

 private:
  // Everything about one layer and direction that stays the same over its steps.
  struct Direction {
    std::int64_t layer;
    std::int64_t index;
    Sequence sequence;
    const PackedDirection<T>& packed;
    ForwardState<T>& state;
    Rows<const T> x;
    Rows<T> y;           // of this direction's half
    Rows<T> c_sequence;  // likewise; not given below the last layer
    Rows<T> m;           // what is projected; not given where nothing is
  };

  void point_to_canonical_W() {
    if constexpr (std::is_same_v<T, Unit<T>>) {
      if (!g_.tiling.blas_inputs) return;
      for (std::int64_t layer = 0; layer < g_.layers; ++layer) {
        const ConstTensorView& W = call_.weights->canonical()[static_cast<std::size_t>(layer)].W;
        for (std::int64_t d = 0; d < g_.directions; ++d) {
          packed_.direction[layer][d].W = direction_of<T>(W, d);
          packed_.direction[layer][d].W_row = row_stride(W);
        }
      }
    }
  }

  void pack(const Member& member) {
    for (std::int64_t layer = 0; layer < g_.layers; ++layer) {
      for (std::int64_t d = 0; d < g_.directions; ++d) {
        pack_direction(g_, call_.weights->canonical()[static_cast<std::size_t>(layer)], layer, d,
                       packed_.direction[layer][d], false, member.index, member.members);
      }
    }
  }

  T* outputs_below(std::int64_t layer) const {
    return training_ ? reserve_.layers[layer].outputs : buffers_.between.of_layer(layer);
  }

  Direction direction(const Member& member, std::int64_t layer, std::int64_t d) {
    const bool last = layer + 1 == g_.layers;
    const std::int64_t half = d * g_.h_size();
    return Direction{
        .layer = layer,
        .index = d,
        .sequence = Sequence(sizes_, length_rows(args_.lengths),
                             rows_of<const std::uint8_t>(args_.reset_mask, g_.layout), g_.reverse(d)),
        .packed = packed_.direction[layer][d],
        .state = buffers_.state[member.direction_group],
        .x = layer == 0 ? rows_of<const T>(args_.x, g_.layout)
                        : dense_rows<const T>(outputs_below(layer - 1), sizes_.batch, g_.outputs()),
        .y = last ? rows_of<T>(args_.y, g_.layout, half)
                  : dense_rows<T>(outputs_below(layer), sizes_.batch, g_.outputs(), half),
        .c_sequence = last ? rows_of<T>(args_.c_sequence, g_.layout, d * g_.hidden) : Rows<T>{},
        .m = rows_of_m(member, layer, d),
    };
  }
  // Inference has one step of it at a time.
  Rows<T> rows_of_m(const Member& member, std::int64_t layer, std::int64_t d) {
    if (!g_.projected()) return {};
    if (training_) return dense_rows<T>(reserve_.layers[layer].m[d], sizes_.batch, g_.hidden);
    return {buffers_.state[member.direction_group].m, 0, g_.hidden};
  }

  void run_direction(const Member& member, std::int64_t layer, std::int64_t d) {
    Direction dir = direction(member, layer, d);
    RowStep* row_steps = buffers_.row_steps + member.index * sizes_.batch;
    std::fill_n(row_steps, sizes_.batch, RowStep::run);

    load_states(member, dir);
    SpinBarrier& chunk_barrier = barriers_.chunk[member.direction_group];
    chunk_barrier.wait();

    const std::int64_t chunk = g_.tiling.chunk_steps(sizes_.batch);
    int current = 0;  // which of the two h holds h_{t-1}
    for (std::int64_t position = 0; position < sizes_.steps; position += chunk) {
      const std::int64_t count = std::min(chunk, sizes_.steps - position);
      // In reverse the chunk's first step in memory is the last one visited.
      const std::int64_t t0 =
          std::min(dir.sequence.step_at(position), dir.sequence.step_at(position + count - 1));
      multiply_inputs(member, dir, t0, count);
      chunk_barrier.wait();
      for (std::int64_t i = 0; i < count; ++i) {
        step(member, dir, dir.sequence.step_at(position + i), t0, current, row_steps);
        current = 1 - current;
      }
      chunk_barrier.wait();
    }
    store_states(member, dir, current);
    // The next direction of this group reuses the states.
    chunk_barrier.wait();
  }

  // Owned rows and units of h and c before the first step.
  void load_states(const Member& member, const Direction& dir) {
    const Rows<const T> h0 = state_rows<const T>(args_.h0, dir.layer, dir.index);
    const Rows<const T> c0 = state_rows<const T>(args_.c0, dir.layer, dir.index);
    const auto clear = [&](std::int64_t b) {
      return dir.sequence.length(b) > 0 && dir.sequence.starts_episode(dir.sequence.first_step(b), b);
    };
    each_owned(member, h_columns(), [&](std::int64_t b, std::int64_t column, std::int64_t count) {
      load_state(dir.state.h[0], h0, b, column, count, clear(b));
    });
    if (!g_.traits.cell_state) return;
    each_owned(member, unit_columns(), [&](std::int64_t b, std::int64_t unit, std::int64_t count) {
      load_state(dir.state.c, c0, b, unit, count, clear(b));
    });
  }
  template <class State>
  void load_state(State* to, const Rows<const T>& from, std::int64_t b, std::int64_t unit, std::int64_t count,
                  bool clear) {
    to += b * g_.state_row() + unit;
    if (from && !clear) {
      copy_values(from.at(0, b) + unit, count, to);
    } else {
      std::fill_n(to, count, State{});
    }
  }

  void store_states(const Member& member, const Direction& dir, int current) {
    const Rows<T> hN = state_rows<T>(args_.hN, dir.layer, dir.index);
    const Rows<T> cN = state_rows<T>(args_.cN, dir.layer, dir.index);
    const auto store = [&](const Rows<T>& to, const auto* from) {
      return [this, to, from](std::int64_t b, std::int64_t column, std::int64_t count) {
        copy_values(from + b * g_.state_row() + column, count, to.at(0, b) + column);
      };
    };
    if (hN) each_owned(member, h_columns(), store(hN, dir.state.h[current]));
    if (cN) each_owned(member, unit_columns(), store(cN, dir.state.c));
  }

  // Panels of the columns of a state: h's are those of the product that it comes from.
  struct Columns {
    std::int64_t panels;
    std::int64_t width;
    std::int64_t count;
  };
  Columns unit_columns() const { return {g_.tiling.panels, g_.tiling.panel_units, g_.hidden}; }
  Columns h_columns() const {
    return g_.projected() ? Columns{g_.h_panels(), g_.tiling.back_units, g_.projection} : unit_columns();
  }

  // Calls f(row, first column, columns) for every row this member owns.
  template <class F>
  void each_owned(const Member& member, const Columns& columns, F&& f) {
    const Range panels = member.panels(g_.tiling, columns.panels);
    const std::int64_t first = std::min(panels.begin * columns.width, columns.count);
    const std::int64_t last = std::min(panels.end * columns.width, columns.count);
    const Range rows = member.rows(g_.tiling, sizes_.batch);
    for (std::int64_t b = rows.begin; b < rows.end; ++b) f(b, first, last - first);
  }

  // W x of `count` steps from t0, rows shared out over the direction group.
  void multiply_inputs(const Member& member, const Direction& dir, std::int64_t t0, std::int64_t count) {
    const std::int64_t columns = g_.columns(dir.layer);
    member.each_share_in_direction(count * sizes_.batch, [&](Range range) {
      Matrix<const T> x{};
      if (can_read_in_place(dir.x, sizes_, columns)) {
        x = {dir.x.at(t0, 0), dir.x.row(sizes_)};
      } else {
        gather(dir.x, t0, sizes_.batch, range, columns, dir.state.gathered);
        x = {dir.state.gathered, columns};
      }
      input_product(g_, kernels_, dir.layer, dir.packed, x.data + range.begin * x.row, x.row, range.size(),
                    dir.state.input + range.begin * g_.input_row());
    });
  }

  void step(const Member& member, const Direction& dir, std::int64_t t, std::int64_t t0, int current,
            RowStep* row_steps) {
    const Range rows = member.rows(g_.tiling, sizes_.batch);
    if (!dir.sequence.plain()) {
      for (std::int64_t b = rows.begin; b < rows.end; ++b) row_steps[b] = dir.sequence.forward_step(t, b);
    }
    for (int phase = 0; phase < g_.traits.phases; ++phase) {
      run_phase(member, dir, t, t0, current, phase, rows, row_steps);
      barriers_.step[member.direction_group][member.batch_group].wait();
    }
    if (!g_.projected()) return;
    project(member, dir, t, current, rows, row_steps);
    barriers_.step[member.direction_group][member.batch_group].wait();
  }

  // h = projection * m, for the elements of h and rows this member owns.
  void project(const Member& member, const Direction& dir, std::int64_t t, int current, Range rows,
               const RowStep* row_steps) {
    const std::int64_t width = g_.tiling.back_units;
    const Range panels = member.panels(g_.tiling, g_.h_panels());
    alignas(64) A h[kTileRows * kMaxTileSums / sizeof(A)];
    for (std::int64_t panel = panels.begin; panel < panels.end; ++panel) {
      for (std::int64_t b = rows.begin; b < rows.end; b += kTileRows) {
        const std::int64_t count = std::min(kTileRows, rows.end - b);
        kernels_.product({.a = dir.m.at(t, b),
                          .a_row = dir.m.batch,
                          .a_column = 1,
                          .b = dir.packed.projection_panel(g_, panel),
                          .b_row = width,
                          .c = h,
                          .c_row = width,
                          .rows = count,
                          .columns = width,
                          .depth = g_.hidden,
                          .accumulate = false});
        for (std::int64_t i = 0; i < count; ++i)
          store_projected(dir, t, current, b + i, panel, h + i * width, row_steps[b + i]);
      }
    }
  }
  void store_projected(const Direction& dir, std::int64_t t, int current, std::int64_t b, std::int64_t panel,
                       const A* h, RowStep row_step) {
    const std::int64_t first = panel * g_.tiling.back_units;
    const std::int64_t count = std::min(g_.tiling.back_units, g_.projection - first);
    const std::int64_t offset = b * g_.state_row() + first;
    T* const y = dir.y.at(t, b) + first;
    T* const next = dir.state.h[1 - current] + offset;
    if (row_step == RowStep::skip) {
      std::fill_n(y, count, T{});
      std::copy_n(dir.state.h[current] + offset, count, next);
      return;
    }
    copy_values(h, count, y);
    if (row_step == RowStep::run_then_clear) {
      std::fill_n(next, count, T{});
    } else {
      std::copy_n(y, count, next);
    }
  }

  void run_phase(const Member& member, const Direction& dir, std::int64_t t, std::int64_t t0, int current,
                 int phase, Range rows, const RowStep* row_steps) {
    const Range panels = member.panels(g_.tiling, g_.tiling.panels);
    // As many panels of a small batch as a tile takes: the processor is at their cells while it starts the
    // next.
    const std::int64_t vectors = g_.traits.gates_of_phase(phase) * g_.tiling.panel_vectors;
    const std::int64_t at_once =
        std::max<std::int64_t>(1, kSumsInFlight / std::max<std::int64_t>(1, rows.size() * vectors));
    for (std::int64_t panel = panels.begin; panel < panels.end; panel += at_once) {
      const Range some{panel, std::min(panel + at_once, panels.end)};
      for (std::int64_t b = rows.begin; b < rows.end; b += kTileRows) {
        run_tiles(dir, t, t0, current, phase, some, b, std::min(kTileRows, rows.end - b), row_steps);
      }
    }
  }

  // The recurrent product of some panels and up to kTileRows rows, and the cells straight after it.
  void run_tiles(const Direction& dir, std::int64_t t, std::int64_t t0, int current, int phase, Range panels,
                 std::int64_t b, std::int64_t rows, const RowStep* row_steps) {
    const std::int64_t columns = g_.traits.gates_of_phase(phase) * g_.tiling.panel_units;
    const std::int64_t state_row = g_.state_row();
    const ForwardState<T>& s = dir.state;
    const bool all_skip =
        std::all_of(row_steps + b, row_steps + b + rows, [](RowStep r) { return r == RowStep::skip; });
    alignas(64) A sums[kTileRows * kMaxTileSums / sizeof(A)];
    if (!all_skip) {
      kernels_.product({.a = (phase == 0 ? s.h[current] : s.exchange) + b * state_row,
                        .a_row = state_row,
                        .a_column = 1,
                        .b = dir.packed.R_panel(g_, phase, panels.begin),
                        .b_row = columns,
                        .c = sums,
                        .c_row = columns,
                        .rows = rows,
                        .columns = columns,
                        .depth = g_.h_size(),
                        .accumulate = false,
                        .panels = panels.size(),
                        .b_panel = PackedDirection<T>::R_panel_size(g_, phase),
                        .c_panel = rows * columns});
    }
    for (std::int64_t panel = panels.begin; panel < panels.end; ++panel) {
      run_cell(dir, t, t0, current, phase, panel, b, rows, row_steps,
               sums + (panel - panels.begin) * rows * columns);
    }
  }

  void run_cell(const Direction& dir, std::int64_t t, std::int64_t t0, int current, int phase,
                std::int64_t panel, std::int64_t b, std::int64_t rows, const RowStep* row_steps,
                const A* sums) {
    const std::int64_t units = g_.tiling.panel_units;
    const std::int64_t gates = g_.traits.gates_of_phase(phase);
    const std::int64_t unit = panel * units;
    const std::int64_t state_row = g_.state_row();
    const std::int64_t state = b * state_row + unit;
    ForwardState<T>& s = dir.state;

    // What the cell gives: h, or what becomes h.
    const Rows<T>& output = g_.projected() ? dir.m : dir.y;
    const std::int64_t row = t * sizes_.batch + b;
    A* saved = training_ ? reserve_.layers[dir.layer].saved[dir.index] + row * g_.saved_rows()
                         : (s.gates != nullptr ? s.gates + b * g_.saved_rows() : nullptr);
    A* saved_c = training_ ? reserve_.layers[dir.layer].c[dir.index] : nullptr;
    const ForwardTile<T> tile{
        .rows = rows,
        .units = std::min(units, g_.hidden - unit),
        .hidden = g_.hidden,
        .row_step = row_steps + b,
        .recurrent = sums,
        .recurrent_row = gates * units,
        .recurrent_gate = units,
        .input = s.input + ((t - t0) * sizes_.batch + b) * g_.input_row() + unit,
        .input_row = g_.input_row(),
        .bias = dir.packed.bias + unit,
        .peephole = dir.packed.peephole != nullptr ? dir.packed.peephole + unit : nullptr,
        .h_prev = s.h[current] + state,
        .h_next = g_.projected() ? nullptr : s.h[1 - current] + state,
        .exchange = s.exchange != nullptr ? s.exchange + state : nullptr,
        .c = s.c != nullptr ? s.c + state : nullptr,
        .state_row = state_row,
        .y = output.at(t, b) + unit,
        .y_row = output.batch,
        .c_sequence = dir.c_sequence ? dir.c_sequence.at(t, b) + unit : nullptr,
        .c_sequence_row = dir.c_sequence.batch,
        .saved = saved != nullptr ? saved + unit : nullptr,
        .saved_row = g_.saved_rows(),
        .saved_c = saved_c != nullptr ? saved_c + row * g_.hidden + unit : nullptr,
        .saved_c_row = g_.hidden,
        .functions = functions_,
    };
    const CellTiles<T>& tiles = functions_ != nullptr ? kernels_.given : kernels_.own;
    tiles.forward[static_cast<int>(g_.variant)][phase](tile);
  }

  const Geometry& g_;
  const Kernels<T>& kernels_;
  const GateFunctions<A>* const functions_;
  const ForwardCall& call_;
  const ForwardArgs& args_;
  const RunSizes sizes_;
  const std::uint64_t bits_id_;
  const bool training_;
  const bool canonical_;
  ForwardBuffers<T> buffers_;
  ReserveBuffer<T> reserve_;
  PackedWeights<T> packed_;
  Barriers barriers_;
};

}  // namespace

template <class T>
void prepare(const PlanView<T>& plan, std::span<const LayerWeights> weights, std::byte* buffer) {
  const Geometry& g = plan.geometry;
  PreparedBuffer<T> prepared(buffer, g);
  for (std::int64_t layer = 0; layer < g.layers; ++layer) {
    for (std::int64_t d = 0; d < g.directions; ++d) {
      pack_direction(g, weights[static_cast<std::size_t>(layer)], layer, d,
                     prepared.weights.direction[layer][d], true, 0, 1);
    }
  }
  *prepared.header = prepared_header(plan.layout_id);
}

template <class T>
void run_forward(const PlanView<T>& plan, Context::State& context, const ForwardCall& call) {
  ForwardPass<T> pass(plan, call);
  run_members(context, plan.geometry.tiling, pass);
}

template void prepare(const PlanView<float>&, std::span<const LayerWeights>, std::byte*);
template void prepare(const PlanView<double>&, std::span<const LayerWeights>, std::byte*);
template void prepare(const PlanView<Bf16>&, std::span<const LayerWeights>, std::byte*);
template void run_forward(const PlanView<float>&, Context::State&, const ForwardCall&);
template void run_forward(const PlanView<double>&, Context::State&, const ForwardCall&);
template void run_forward(const PlanView<Bf16>&, Context::State&, const ForwardCall&);

}  // namespace recur::host::cpu
