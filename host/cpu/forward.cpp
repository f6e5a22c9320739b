#include "host/cpu/forward.hpp"

#include <numeric>

#include "host/cpu/copy.hpp"
#include "host/cpu/dropout.hpp"
#include "host/cpu/gather.hpp"
#include "host/cpu/large_product.hpp"
#include "host/cpu/members.hpp"
#include "host/cpu/rows.hpp"
#include "host/layers/forest.hpp"

namespace recur::host::cpu {
namespace {

template <class E>
class ForwardPass {
  using A = Arithmetic<E>;

 public:
  ForwardPass(const PlanView<E>& plan, const ForwardCall& call)
      : g_(plan.geometry),
        kernels_(plan.kernels),
        activations_(plan.activations),
        call_(call),
        args_(*call.args),
        sizes_(call.sizes),
        training_(plan.training),
        canonical_(!call.weights->is_prepared()),
        buffers_(call.workspace.data(), g_, sizes_, training_, canonical_),
        reserve_(training_ ? call.reserve.data() : nullptr, g_, sizes_),
        barriers_(g_.tiling) {
    if (canonical_) {
      packed_ = buffers_.packed;
    } else {
      auto* data = static_cast<std::byte*>(const_cast<void*>(call.weights->prepared().data));  // only read
      packed_ = PreparedBuffer<E>(data, g_).weights;
    }
  }

  // What each member of the team runs.
  void run(const Member& member) {
    if (training_ && g_.dropout && member.index == 0) *reserve_.dropout_seed = args_.dropout_seed;
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
    Timeline timeline;
    const PackedDirection<E>& packed;
    ForwardState<E>& state;
    Rows<const E> x;
    Rows<E> y;           // of this direction's half
    Rows<E> c_sequence;  // likewise; not given below the last layer
    Rows<E> m;           // what is projected; not given where nothing is
  };

  // The rows of one member's batch group at one step.
  struct StepRows {
    Range all;
    RowStep* steps;        // [B]
    std::int32_t* active;  // those that run, ascending
    std::int64_t count;    // of them
  };

  void pack(const Member& member) {
    for (std::int64_t layer = 0; layer < g_.layers; ++layer) {
      for (std::int64_t d = 0; d < g_.directions; ++d) {
        pack_direction(g_, call_.weights->canonical()[static_cast<std::size_t>(layer)], layer, d,
                       packed_.direction[layer][d], member.index, member.members);
      }
    }
  }

  E* outputs_below(std::int64_t layer) const {
    return training_ ? reserve_.layers[layer].outputs : buffers_.between.of_layer(layer);
  }

  Direction direction(const Member& member, std::int64_t layer, std::int64_t d) {
    const bool last = layer + 1 == g_.layers;
    const std::int64_t half = d * g_.h_size();
    return Direction{
        .layer = layer,
        .index = d,
        .timeline = timeline_of(g_, sizes_, args_, d),
        .packed = packed_.direction[layer][d],
        .state = buffers_.state[member.direction_group],
        .x = layer == 0 ? rows_of<const E>(args_.x, g_.layout)
                        : dense_rows<const E>(outputs_below(layer - 1), sizes_, g_.outputs()),
        .y = last ? rows_of<E>(args_.y, g_.layout, half)
                  : dense_rows(outputs_below(layer), sizes_, g_.outputs(), half),
        .c_sequence = last ? rows_of<E>(args_.c_sequence, g_.layout, d * g_.hidden) : Rows<E>{},
        .m = rows_of_m(member, layer, d),
    };
  }
  // Inference has one step of it at a time.
  Rows<E> rows_of_m(const Member& member, std::int64_t layer, std::int64_t d) {
    if (!g_.projected()) return {};
    if (training_) return dense_rows(reserve_.layers[layer].m[d], sizes_, g_.hidden);
    return {buffers_.state[member.direction_group].m, 0, g_.hidden};
  }

  void run_direction(const Member& member, std::int64_t layer, std::int64_t d) {
    Direction dir = direction(member, layer, d);
    StepRows rows = step_rows(member);

    if (args_.forest != nullptr) return run_forest(member, dir, rows);
    load_states(member, dir);
    wait_for_direction(member);

    const schedule::Chunks chunks(sizes_.steps, g_.tiling.chunk_steps(sizes_.batch));
    int current = 0;  // which of the two h holds h_{t-1}
    for (std::int64_t chunk = 0; chunk < chunks.count(); ++chunk) {
      const std::int64_t t0 = chunks.first(chunk, dir.timeline.reverse);
      const std::int64_t count = chunks.size(chunk);
      multiply_inputs(member, dir, t0, count);
      wait_for_direction(member);
      for (std::int64_t i = 0; i < count; ++i) {
        step(member, dir, chunks.step(chunk, i, dir.timeline.reverse), t0, current, rows);
        current = 1 - current;
      }
      wait_for_direction(member);
    }
    store_states(member, dir, current);
    // The next direction of this group reuses the states.
    wait_for_direction(member);
  }
  // Rows in levels, in place of time: h[1] and c hold the state after every row, and a row copies its parent's to
  // where a step reads it, h[0] and its own c. A level is shared out among all members, so that they wait for each
  // other before they copy what others left, and, as at every step, before they read what others copied.
  void run_forest(const Member& member, const Direction& dir, StepRows& rows) {
    const Forest& forest = *args_.forest;
    SpinBarrier& published = barriers_.chunk[member.direction_group];
    multiply_inputs(member, dir, 0, 1);
    for (std::int64_t level = 0; level < layers::level_count(forest); ++level) {
      rows.all = rows_in_level(member, level);
      rows.count = rows.all.size();
      std::iota(rows.active, rows.active + rows.count, static_cast<std::int32_t>(rows.all.begin));
      load_parents(member, dir, level, rows.all);
      published.wait();
      step(member, dir, 0, 0, 0, rows);
      published.wait();
    }
    store_states(member, dir, 1);
    published.wait();
  }
  // Those that a member's batch group forms.
  Range rows_in_level(const Member& member, std::int64_t level) const {
    const auto [begin, end] = layers::rows_of_level(*args_.forest, level);
    const Range share = member.rows(g_.tiling, end - begin);
    return {begin + share.begin, begin + share.end};
  }
  // The states that rows of a level read: of roots those of the call, of others those of their parents.
  void load_parents(const Member& member, const Direction& dir, std::int64_t level, Range rows) {
    const ForwardState<E>& s = dir.state;
    if (level == 0) return load_rows(member, dir, rows, [](std::int64_t) { return false; });
    const auto copy = [&](const auto* from, auto* to) {
      return [this, from, to](std::int64_t row, std::int64_t column, std::int64_t count) {
        const std::int64_t parent = args_.forest->parents[static_cast<std::size_t>(row)];
        std::copy_n(from + parent * g_.state_row() + column, count, to + row * g_.state_row() + column);
      };
    };
    each_column_range(member, h_columns(), rows, copy(s.h[1], s.h[0]));
    if (g_.traits.cell_state) each_column_range(member, unit_columns(), rows, copy(s.c, s.c));
  }

  // Until all members of the direction group are here, where they read each other's results.
  void wait_for_direction(const Member& member) {
    if (!member.owns_whole_rows()) barriers_.chunk[member.direction_group].wait();
  }

  // Owned rows and units of h and c before the first step.
  void load_states(const Member& member, const Direction& dir) {
    load_rows(member, dir, member.rows(g_.tiling, sizes_.batch),
              [&](std::int64_t b) { return Sequence(dir.timeline, b).drops_initial(); });
  }
  // Of some rows, from what the call begins with, or zeros where `clear(row)`.
  template <class Clear>
  void load_rows(const Member& member, const Direction& dir, Range rows, Clear&& clear) {
    const Rows<const E> h0 = state_rows<const E>(args_.h0, dir.layer, dir.index);
    const Rows<const E> c0 = state_rows<const E>(args_.c0, dir.layer, dir.index);
    each_column_range(member, h_columns(), rows,
                      [&](std::int64_t b, std::int64_t column, std::int64_t count) {
                        load_state(dir.state.h[0], h0, b, column, count, clear(b));
                      });
    if (!g_.traits.cell_state) return;
    each_column_range(member, unit_columns(), rows,
                      [&](std::int64_t b, std::int64_t unit, std::int64_t count) {
                        load_state(dir.state.c, c0, b, unit, count, clear(b));
                      });
  }
  template <class State>
  void load_state(State* to, const Rows<const E>& from, std::int64_t b, std::int64_t unit, std::int64_t count,
                  bool clear) {
    to += b * g_.state_row() + unit;
    if (from && !clear) {
      copy_values(from.at(0, b) + unit, count, to);
    } else {
      std::fill_n(to, count, State{});
    }
  }

  void store_states(const Member& member, const Direction& dir, int current) {
    const Rows<E> hN = state_rows<E>(args_.hN, dir.layer, dir.index);
    const Rows<E> cN = state_rows<E>(args_.cN, dir.layer, dir.index);
    const auto store = [&](const Rows<E>& to, const auto* from) {
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
    each_column_range(member, columns, member.rows(g_.tiling, sizes_.batch), f);
  }
  // Likewise for some rows, with the columns that this member owns.
  template <class F>
  void each_column_range(const Member& member, const Columns& columns, Range rows, F&& f) {
    const Range panels = member.panels(g_.tiling, columns.panels);
    const std::int64_t first = std::min(panels.begin * columns.width, columns.count);
    const std::int64_t last = std::min(panels.end * columns.width, columns.count);
    for (std::int64_t b = rows.begin; b < rows.end; ++b) f(b, first, last - first);
  }

  // W x of `count` steps from t0. A member that owns whole rows at all steps forms theirs. Else batch groups share the rows
  // and unit groups the panels of W, so that each reads its own part of W only; rows that are gathered first
  // are shared by all, as are those of which something is dropped. Rows past a sequence's end are left out.
  void multiply_inputs(const Member& member, const Direction& dir, std::int64_t t0, std::int64_t count) {
    const std::int64_t columns = g_.columns(dir.layer);
    const bool drops = g_.drops_below(dir.layer);
    const std::int64_t distance = drops ? 0 : distance_in_place(dir.x, sizes_, columns);
    const bool in_place = distance > 0;
    const Range all{0, count * sizes_.batch};
    const bool owned = member.owns_whole_rows() && member.batch_groups > 1 && args_.forest == nullptr;
    const Range range = owned      ? all
                        : in_place ? part_of(all.end, member.batch_groups, member.batch_group)
                                   : part_of(all.end, member.members_in_direction, member.index_in_direction);
    const std::int64_t all_panels = g_.input_row() / g_.tiling.input_width;
    const Range panels = in_place ? member.panels(g_.tiling, all_panels) : Range{0, all_panels};
    std::int32_t* const list = buffers_.input_rows + member.index * g_.tiling.chunk_rows;
    const RowList rows =
        owned ? list_owned(dir.timeline, sizes_.batch, t0, count, member.rows(g_.tiling, sizes_.batch), list)
              : list_valid(dir.timeline, sizes_.batch, t0, range, list);
    Matrix<const E> x{};
    if (in_place) {
      x = {dir.x.at(t0, 0), distance};
    } else {
      gather(dir.x, t0, sizes_.batch, range, rows, columns, dir.state.gathered);
      if (drops) drop(dir, t0, range, rows);
      x = {dir.state.gathered, columns};
    }
    input_product(g_, kernels_, dir.layer, dir.packed, panels, x.data + range.begin * x.row, x.row, rows,
                  dir.state.input + range.begin * g_.input_row());
  }

  // What the layer below gave, as this one reads it, of rows that were gathered.
  void drop(const Direction& dir, std::int64_t t0, Range range, const RowList& rows) {
    const std::int64_t columns = g_.columns(dir.layer);
    const Dropout<E> dropout{kernels_, *g_.dropout, args_.dropout_seed, dir.layer - 1};
    for (std::int64_t i = 0; i < rows.count; ++i) {
      const std::int64_t row = range.begin + rows.at(i);
      dropout.apply(t0 + row / sizes_.batch, row % sizes_.batch, 0, columns,
                    dir.state.gathered + row * columns);
    }
  }

  StepRows step_rows(const Member& member) {
    const StepRows rows{member.rows(g_.tiling, sizes_.batch),
                        buffers_.row_steps + member.index * sizes_.batch,
                        buffers_.active_rows + member.index * sizes_.batch, 0};
    std::fill_n(rows.steps, sizes_.batch, RowStep::run);
    std::iota(rows.active, rows.active + rows.all.size(), static_cast<std::int32_t>(rows.all.begin));
    return {rows.all, rows.steps, rows.active, rows.all.size()};
  }
  static void find_active(const Direction& dir, std::int64_t t, StepRows& rows) {
    if (dir.timeline.lengths == nullptr && dir.timeline.marks == nullptr) return;
    rows.count = 0;
    for (std::int64_t b = rows.all.begin; b < rows.all.end; ++b) {
      rows.steps[b] = forward_step(Sequence(dir.timeline, b), t);
      if (rows.steps[b] != RowStep::skip) rows.active[rows.count++] = static_cast<std::int32_t>(b);
    }
  }

  void step(const Member& member, const Direction& dir, std::int64_t t, std::int64_t t0, int current,
            StepRows& rows) {
    find_active(dir, t, rows);
    if (rows.count < rows.all.size()) skip_ended(member, dir, t, current, rows);
    for (int phase = 0; phase < g_.traits.phases; ++phase) {
      run_phase(member, dir, t, t0, current, phase, rows);
      // Without R no member reads what others leave of h.
      if (g_.traits.recurrent) barriers_.step[member.direction_group][member.batch_group].wait();
    }
    if (!g_.projected()) return;
    project(member, dir, t, current, rows);
    barriers_.step[member.direction_group][member.batch_group].wait();
  }

  // Rows past their sequence's end: h stays what it was, outputs are zeros.
  void skip_ended(const Member& member, const Direction& dir, std::int64_t t, int current,
                  const StepRows& rows) {
    each_owned(member, h_columns(), [&](std::int64_t b, std::int64_t column, std::int64_t count) {
      if (rows.steps[b] != RowStep::skip) return;
      const std::int64_t state = b * g_.state_row() + column;
      std::copy_n(dir.state.h[current] + state, count, dir.state.h[1 - current] + state);
      std::fill_n(dir.y.at(t, b) + column, count, E{});
    });
    if (!dir.c_sequence) return;
    each_owned(member, unit_columns(), [&](std::int64_t b, std::int64_t unit, std::int64_t count) {
      if (rows.steps[b] == RowStep::skip) std::fill_n(dir.c_sequence.at(t, b) + unit, count, E{});
    });
  }

  // h = projection * m, for the elements of h and rows this member owns.
  void project(const Member& member, const Direction& dir, std::int64_t t, int current,
               const StepRows& rows) {
    const std::int64_t width = g_.tiling.back_units;
    const Range panels = member.panels(g_.tiling, g_.h_panels());
    alignas(64) A h[kTileRows * kMostPanelBytes / sizeof(A)];
    for (std::int64_t panel = panels.begin; panel < panels.end; ++panel) {
      for (std::int64_t first = 0; first < rows.count; first += kTileRows) {
        const std::int64_t count = std::min(kTileRows, rows.count - first);
        const std::int32_t* const list = rows.active + first;
        kernels_.product({.a = dir.m.at(t, 0),
                          .a_row = dir.m.batch,
                          .a_column = 1,
                          .b = dir.packed.projection_panel(g_, panel),
                          .b_row = width,
                          .c = h,
                          .c_row = width,
                          .rows = count,
                          .columns = width,
                          .depth = g_.hidden,
                          .accumulate = false,
                          .a_rows = list});
        for (std::int64_t i = 0; i < count; ++i)
          store_projected(dir, t, current, list[i], panel, h + i * width, rows.steps[list[i]]);
      }
    }
  }
  void store_projected(const Direction& dir, std::int64_t t, int current, std::int64_t b, std::int64_t panel,
                       const A* h, RowStep row_step) {
    const std::int64_t first = panel * g_.tiling.back_units;
    const std::int64_t count = std::min(g_.tiling.back_units, g_.projection - first);
    E* const y = dir.y.at(t, b) + first;
    E* const next = dir.state.h[1 - current] + b * g_.state_row() + first;
    copy_values(h, count, y);
    if (row_step == RowStep::run_then_clear) {
      std::fill_n(next, count, E{});
    } else {
      std::copy_n(y, count, next);
    }
  }

  void run_phase(const Member& member, const Direction& dir, std::int64_t t, std::int64_t t0, int current,
                 int phase, const StepRows& rows) {
    const Range panels = member.panels(g_.tiling, g_.tiling.panels);
    if (!g_.traits.recurrent) {
      if (panels.size() > 0)
        run_cell(dir, t, t0, current, phase, panels, rows.active, rows.count, rows.steps, nullptr);
      return;
    }
    // As many panels of a small batch as a tile takes: the processor is at their cells while it starts the
    // next.
    const std::int64_t vectors = g_.traits.gates_of_phase(phase) * g_.tiling.panel_vectors;
    const std::int64_t at_once =
        std::max<std::int64_t>(1, kSumsInFlight / std::max<std::int64_t>(1, rows.count * vectors));
    // Every other step walks R backwards: what of it a cache still holds of the step before is read first,
    // where a walk in one direction would find a level that is a little too small empty each time.
    const Split groups(panels.size(), at_once);
    for (std::int64_t i = 0; i < groups.parts; ++i) {
      const std::int64_t group = current == 0 ? i : groups.parts - 1 - i;
      const std::int64_t begin = panels.begin + groups.begin(group);
      const Range some{begin, begin + groups.size_of(group)};
      for (std::int64_t first = 0; first < rows.count; first += kTileRows) {
        run_tiles(dir, t, t0, current, phase, some, rows, first, std::min(kTileRows, rows.count - first));
      }
    }
  }

  // The recurrent product of some panels and up to kTileRows active rows, and the cells straight after it.
  void run_tiles(const Direction& dir, std::int64_t t, std::int64_t t0, int current, int phase, Range panels,
                 const StepRows& rows, std::int64_t first, std::int64_t count) {
    const std::int64_t columns = g_.traits.gates_of_phase(phase) * g_.tiling.panel_units;
    const ForwardState<E>& s = dir.state;
    alignas(64) A sums[kTileRows * kMostPanelBytes / sizeof(A)];
    kernels_.product({.a = phase == 0 ? s.h[current] : s.exchange,
                      .a_row = g_.state_row(),
                      .a_column = 1,
                      .b = dir.packed.R_panel(g_, phase, panels.begin),
                      .b_row = columns,
                      .c = sums,
                      .c_row = columns,
                      .rows = count,
                      .columns = columns,
                      .depth = g_.h_size(),
                      .accumulate = false,
                      .a_rows = rows.active + first,
                      .panels = panels.size(),
                      .b_panel = PackedDirection<E>::R_panel_size(g_, phase),
                      .c_panel = count * columns});
    for (std::int64_t panel = panels.begin; panel < panels.end; ++panel) {
      run_cell(dir, t, t0, current, phase, {panel, panel + 1}, rows.active + first, count, rows.steps,
               sums + (panel - panels.begin) * count * columns);
    }
  }

  // One panel and its sums; where the phase has no product, any panels and null.
  void run_cell(const Direction& dir, std::int64_t t, std::int64_t t0, int current, int phase, Range panels,
                const std::int32_t* rows, std::int64_t count, const RowStep* row_steps, const A* sums) {
    const std::int64_t units = g_.tiling.panel_units;
    const std::int64_t gates = g_.traits.gates_of_phase(phase);
    const std::int64_t unit = panels.begin * units;
    ForwardState<E>& s = dir.state;

    // What the cell gives: h, or what becomes h.
    const Rows<E>& output = g_.projected() ? dir.m : dir.y;
    const std::int64_t row = t * sizes_.batch;
    A* saved = training_ ? reserve_.layers[dir.layer].saved[dir.index] + row * g_.saved_columns() : s.gates;
    A* saved_c = training_ ? reserve_.layers[dir.layer].c[dir.index] : nullptr;
    const ForwardTile<E> tile{
        .rows = rows,
        .row_count = count,
        .units = std::min(panels.size() * units, g_.hidden - unit),
        .hidden = g_.hidden,
        .row_step = row_steps,
        .recurrent = sums,
        .recurrent_row = gates * units,
        .recurrent_gate = units,
        .input = s.input + (t - t0) * sizes_.batch * g_.input_row() + unit,
        .input_row = g_.input_row(),
        .bias = dir.packed.bias + unit,
        .peephole = dir.packed.peephole != nullptr ? dir.packed.peephole + unit : nullptr,
        .h_prev = s.h[current] + unit,
        .h_next = g_.projected() ? nullptr : s.h[1 - current] + unit,
        .exchange = s.exchange != nullptr ? s.exchange + unit : nullptr,
        .c = s.c != nullptr ? s.c + unit : nullptr,
        .state_row = g_.state_row(),
        .y = output.at(t, 0) + unit,
        .y_row = output.batch,
        .c_sequence = dir.c_sequence ? dir.c_sequence.at(t, 0) + unit : nullptr,
        .c_sequence_row = dir.c_sequence.batch,
        .saved = saved != nullptr ? saved + unit : nullptr,
        .saved_row = g_.saved_columns(),
        .saved_c = saved_c != nullptr ? saved_c + row * g_.hidden + unit : nullptr,
        .saved_c_row = g_.hidden,
        .activations = activations_ != nullptr ? activations_ + dir.index : nullptr,
    };
    const CellTiles<E>& tiles = activations_ != nullptr ? kernels_.given : kernels_.own;
    tiles.forward[static_cast<int>(g_.variant)][phase](tile);
  }

  const Geometry& g_;
  const Kernels<E>& kernels_;
  const TypedActivations<A>* const activations_;
  const ForwardCall& call_;
  const ForwardArgs& args_;
  const RunSizes sizes_;
  const bool training_;
  const bool canonical_;
  ForwardBuffers<E> buffers_;
  ReserveBuffer<E> reserve_;
  PackedWeights<E> packed_;
  Barriers barriers_;
};

}  // namespace

template <class E>
void prepare(const PlanView<E>& plan, std::span<const LayerWeights> weights, std::byte* buffer) {
  const Geometry& g = plan.geometry;
  PreparedBuffer<E> prepared(buffer, g);
  for (std::int64_t layer = 0; layer < g.layers; ++layer) {
    for (std::int64_t d = 0; d < g.directions; ++d) {
      pack_direction(g, weights[static_cast<std::size_t>(layer)], layer, d,
                     prepared.weights.direction[layer][d], 0, 1);
    }
  }
  *prepared.header = prepared_header(plan.layout_id);
}

template <class E>
void run_forward(const PlanView<E>& plan, Context::State& context, const ForwardCall& call) {
  ForwardPass<E> pass(plan, call);
  run_members(context, plan.geometry.tiling, pass);
}

template void prepare(const PlanView<float>&, std::span<const LayerWeights>, std::byte*);
template void prepare(const PlanView<double>&, std::span<const LayerWeights>, std::byte*);
template void prepare(const PlanView<Bf16>&, std::span<const LayerWeights>, std::byte*);
template void run_forward(const PlanView<float>&, Context::State&, const ForwardCall&);
template void run_forward(const PlanView<double>&, Context::State&, const ForwardCall&);
template void run_forward(const PlanView<Bf16>&, Context::State&, const ForwardCall&);

}  // namespace recur::host::cpu
