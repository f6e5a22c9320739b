#include "host/cpu/backward.hpp"

#include "host/cpu/copy.hpp"
#include "host/cpu/members.hpp"
#include "host/cpu/rows.hpp"
#include "host/cpu/weight_gradients.hpp"
#include "host/layers/forest.hpp"

namespace recur::host::cpu {
namespace {

// Who holds what in the time loop: the owner of a row and unit keeps its dh and dc from step to step and
// writes its dgates of step t; the barrier after the cells publishes dgates(t) to the other unit groups, whose
// products read all units of it. dgates(t-1) lies elsewhere, so the next step may start before everyone has
// finished reading. Where h is projected, an owner of elements of h publishes the whole dh of step t
// likewise, before the product with the projection, and a barrier of its own.
template <class E>
class BackwardPass {
  using A = Arithmetic<E>;
  static constexpr bool kConverts = BackwardBuffers<E>::kConverts;

 public:
  BackwardPass(const PlanView<E>& plan, const BackwardCall& call)
      : g_(plan.geometry),
        kernels_(plan.kernels),
        activations_(plan.activations),
        call_(call),
        args_(*call.args),
        sizes_(call.sizes),
        buffers_(call.workspace.data(), g_, sizes_),
        reserve_(const_cast<std::byte*>(call.reserve.data()), g_, sizes_),  // only read
        barriers_(g_.tiling) {}

  // What each member of the team runs.
  void run(const Member& member) {
    for (std::int64_t layer = g_.layers - 1; layer >= 0; --layer) {
      const Range directions = member.directions(g_.tiling, g_.directions);
      for (std::int64_t d = directions.begin; d < directions.end; ++d) run_direction(member, layer, d);
      barriers_.team.wait();
      run_gradients(member, layer);
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
    Rows<const E> dy;
    Rows<const E> dc_sequence;
    PreviousRows<E> h_prev;
    PreviousRows<A> c_prev;
    const A* saved;
    const A* saved_c;
  };
  // A member's scratch, one entry per row of the batch.
  struct RowScratch {
    RowStep* steps;
    std::int32_t* active;  // rows of the batch group that run, ascending
    const E** h_prev;
    const A** c_prev;
    std::int64_t count;  // of the active rows
    Range all;           // rows of the batch group at this step
  };

  const LayerWeights& weights(std::int64_t layer) const {
    return call_.weights[static_cast<std::size_t>(layer)];
  }

  Direction direction(std::int64_t layer, std::int64_t d) const {
    const bool last = layer + 1 == g_.layers;
    const std::int64_t half = d * g_.h_size();
    const auto& reserve = reserve_.layers[layer];
    return Direction{
        .layer = layer,
        .index = d,
        .timeline = timeline_of(g_, sizes_, args_, d),
        .dy = last ? rows_of<const E>(args_.dy, g_.layout, half)
                   : dense_rows<const E>(buffers_.between.of_layer(layer), sizes_, g_.outputs(), half),
        .dc_sequence = last ? rows_of<const E>(args_.dc_sequence, g_.layout, d * g_.hidden) : Rows<const E>{},
        .h_prev = {last ? rows_of<const E>(args_.y, g_.layout, half)
                        : dense_rows<const E>(reserve.outputs, sizes_, g_.outputs(), half),
                   state_rows<const E>(args_.h0, layer, d), parents()},
        .c_prev = {dense_rows<const A>(reserve.c[d], sizes_, g_.hidden), rows_of_c0(layer, d), parents()},
        .saved = reserve.saved[d],
        .saved_c = reserve.c[d],
    };
  }

  const std::int32_t* parents() const {
    return args_.forest != nullptr ? args_.forest->parents.data() : nullptr;
  }
  // Rows that begin with what the call begins with: of a forest the roots, which come first.
  std::int64_t initial_rows() const {
    return args_.forest != nullptr ? layers::rows_of_level(*args_.forest, 0).end : sizes_.batch;
  }

  Rows<const A> rows_of_c0(std::int64_t layer, std::int64_t d) const {
    if constexpr (kConverts) {
      if (!args_.c0.given()) return {};
      return {buffers_.c0[d], 0, g_.hidden};
    } else {
      return state_rows<const A>(args_.c0, layer, d);
    }
  }

  void run_direction(const Member& member, std::int64_t layer, std::int64_t d) {
    const Direction dir = direction(layer, d);
    const std::int64_t scratch = member.index * sizes_.batch;
    RowScratch rows{buffers_.row_steps + scratch,
                    buffers_.active_rows + scratch,
                    buffers_.h_prev + scratch,
                    buffers_.c_prev + scratch,
                    0,
                    member.rows(g_.tiling, sizes_.batch)};

    pack(member, dir);
    load_states(member, dir);
    barriers_.chunk[member.direction_group].wait();
    if (args_.forest != nullptr) {
      run_forest(member, dir, rows);
    } else {
      const schedule::VisitOrder order = dir.timeline.order();
      for (std::int64_t visit = sizes_.steps - 1; visit >= 0; --visit) {
        const std::int64_t t = order.step(order.first(sizes_.steps), visit);
        find_active(dir, t, rows);
        step(member, dir, t, rows);
      }
    }
    store_states(member, dir);
    // The next direction of this group reuses the states.
    barriers_.chunk[member.direction_group].wait();
  }

  void pack(const Member& member, const Direction& dir) {
    const LayerWeights& w = weights(dir.layer);
    const auto pack_panels = [&](const ConstTensorView& matrix, std::int64_t first_row, std::int64_t depth,
                                 std::int64_t columns, std::int64_t width, Unit<E>* panels) {
      pack_back_panels(direction_of<E>(matrix, dir.index) + first_row * matrix.stride(1), row_stride(matrix),
                       depth, columns, width, panels, member.index_in_direction, member.members_in_direction);
    };
    const std::int64_t back = g_.tiling.back_units;
    if (g_.traits.recurrent) {
      for (const Segment& segment : segments_of(g_.traits)) {
        pack_panels(w.R, segment.gate * g_.hidden, segment.gates * g_.hidden, g_.h_size(), back,
                    buffers_.panels[dir.index][segment.index]);
      }
    }
    if (g_.projected())
      pack_panels(w.projection, 0, g_.projection, g_.hidden, back, buffers_.projection[dir.index]);
    if (dir.layer > 0 || args_.dx.given()) {
      pack_panels(w.W, 0, g_.gate_columns(), g_.columns(dir.layer), g_.columns_width(dir.layer),
                  buffers_.W[dir.index]);
    }
    if (g_.traits.peepholes > 0 && member.index_in_direction == 0) {
      copy_values(direction_of<E>(w.peephole, dir.index), g_.traits.peepholes * g_.hidden,
                  buffers_.peephole[dir.index]);
    }
  }

  // Columns of a state: as many as H, or as h has elements.
  struct Columns {
    std::int64_t panels;
    std::int64_t count;
  };
  Columns unit_columns() const { return {g_.tiling.back_panels, g_.hidden}; }
  Columns h_columns() const { return {g_.h_panels(), g_.h_size()}; }

  // Those that a member owns.
  struct OwnedColumns {
    std::int64_t first;
    std::int64_t count;
    std::int64_t padded;  // count with padding
  };
  OwnedColumns owned_columns(const Member& member, const Columns& columns) const {
    const Range panels = member.panels(g_.tiling, columns.panels);
    const std::int64_t first = panels.begin * g_.tiling.back_units;
    const std::int64_t padded = panels.size() * g_.tiling.back_units;
    return {first, std::min(padded, columns.count - first), padded};
  }

  // Calls f(row, first column, columns, columns with padding) for some rows and the columns this member owns.
  template <class F>
  void each_owned(const Member& member, const Columns& columns, Range rows, F&& f) {
    const OwnedColumns owned = owned_columns(member, columns);
    if (owned.padded == 0) return;
    for (std::int64_t b = rows.begin; b < rows.end; ++b) f(b, owned.first, owned.count, owned.padded);
  }

  void load_states(const Member& member, const Direction& dir) {
    auto& state = buffers_.state[member.direction_group];
    const auto load = [&](const Columns& columns, A* to, const Rows<const E>& from) {
      each_owned(member, columns, member.rows(g_.tiling, sizes_.batch),
                 [&](std::int64_t b, std::int64_t column, std::int64_t count, std::int64_t padded) {
                   A* const row = to + b * g_.state_row() + column;
                   std::fill_n(row, padded, A(0));
                   if (from) copy_values(from.at(0, b) + column, count, row);
                 });
    };
    load(h_columns(), state.dh, state_rows<const E>(args_.dhN, dir.layer, dir.index));
    if (g_.traits.cell_state)
      load(unit_columns(), state.dc, state_rows<const E>(args_.dcN, dir.layer, dir.index));
    if constexpr (kConverts) {
      const Rows<const E> c0 = state_rows<const E>(args_.c0, dir.layer, dir.index);
      if (!c0) return;
      each_owned(member, unit_columns(), member.rows(g_.tiling, initial_rows()),
                 [&](std::int64_t b, std::int64_t column, std::int64_t count, std::int64_t) {
                   copy_values(c0.at(0, b) + column, count, buffers_.c0[dir.index] + b * g_.hidden + column);
                 });
    }
  }

  void store_states(const Member& member, const Direction& dir) {
    const auto& state = buffers_.state[member.direction_group];
    const auto store = [&](const Columns& columns, const Rows<E>& to, const A* from) {
      if (!to) return;
      const Range rows = member.rows(g_.tiling, initial_rows());
      each_owned(member, columns, rows,
                 [&](std::int64_t b, std::int64_t column, std::int64_t count, std::int64_t) {
                   copy_values(from + b * g_.state_row() + column, count, to.at(0, b) + column);
                 });
    };
    store(h_columns(), state_rows<E>(args_.dh0, dir.layer, dir.index), state.dh);
    store(unit_columns(), state_rows<E>(args_.dc0, dir.layer, dir.index), state.dc);
  }

  // Levels in place of time, leaves first. A step leaves in a row's dh and dc what goes to its parent; a row begins
  // with the sum over its children, in their order. Members wait for each other after every level, since a child may
  // be another member's.
  void run_forest(const Member& member, const Direction& dir, RowScratch& scratch) {
    const Forest& forest = *args_.forest;
    auto& state = buffers_.state[member.direction_group];
    for (std::int64_t level = layers::level_count(forest) - 1; level >= 0; --level) {
      const auto [begin, end] = layers::rows_of_level(forest, level);
      const Range share = member.rows(g_.tiling, end - begin);
      const Range rows{begin + share.begin, begin + share.end};
      scratch.all = rows;
      scratch.count = rows.size();
      for (std::int64_t row = rows.begin; row < rows.end; ++row) {
        scratch.active[row - rows.begin] = static_cast<std::int32_t>(row);
        scratch.steps[row] = RowStep::run;
        scratch.h_prev[row] = g_.projected() ? nullptr : dir.h_prev.of_parent(row);
        if (g_.traits.cell_state) scratch.c_prev[row] = dir.c_prev.of_parent(row);
      }
      add_children(member, level, rows, h_columns(), state.dh);
      if (g_.traits.cell_state) add_children(member, level, rows, unit_columns(), state.dc);
      step(member, dir, 0, scratch);
      barriers_.chunk[member.direction_group].wait();
    }
  }
  void add_children(const Member& member, std::int64_t level, Range rows, const Columns& columns,
                    A* gradients) {
    const OwnedColumns owned = owned_columns(member, columns);
    layers::each_with_children(*args_.forest, level, {rows.begin, rows.end},
                               [&](std::int64_t row, std::int64_t first, std::int64_t last) {
                                 A* const to = gradients + row * g_.state_row() + owned.first;
                                 for (std::int64_t child = first; child < last; ++child) {
                                   const A* const from = gradients + child * g_.state_row() + owned.first;
                                   for (std::int64_t j = 0; j < owned.count; ++j) to[j] += from[j];
                                 }
                               });
  }

  void find_active(const Direction& dir, std::int64_t t, RowScratch& scratch) const {
    scratch.count = 0;
    for (std::int64_t b = scratch.all.begin; b < scratch.all.end; ++b) {
      const Sequence sequence(dir.timeline, b);
      if (!sequence.valid(t)) {
        scratch.steps[b] = RowStep::skip;
        continue;
      }
      const Predecessor predecessor = sequence.predecessor(t);
      scratch.steps[b] = predecessor == Predecessor::none ? RowStep::run_then_clear : RowStep::run;
      scratch.active[scratch.count++] = static_cast<std::int32_t>(b);
      const std::int64_t previous = sequence.previous(t);
      // An lstm does not look at h, and a projected one has fewer elements than there are units.
      scratch.h_prev[b] = g_.projected() ? nullptr : dir.h_prev.at(predecessor, previous, b);
      if (g_.traits.cell_state) scratch.c_prev[b] = dir.c_prev.at(predecessor, previous, b);
    }
  }

  void step(const Member& member, const Direction& dir, std::int64_t t, const RowScratch& scratch) {
    const Segments segments = segments_of(g_.traits);
    auto& state = buffers_.state[member.direction_group];
    SpinBarrier& published = barriers_.step[member.direction_group][member.batch_group];
    if (g_.projected()) {
      publish_dh(member, dir, t, scratch);
      published.wait();
      multiply_projection(member, dir, t, scratch);
    }
    run_cells(member, dir, t, 0, scratch);
    // Without R no member reads what others leave, until the gradients of the weights.
    if (!g_.traits.recurrent) return clear_started(member, scratch, state.dh);
    published.wait();
    if (g_.traits.phases > 1) {
      multiply(member, dir, t, segments.list[1], scratch, state.d_exchange, false);
      run_cells(member, dir, t, 1, scratch);
      published.wait();
      multiply(member, dir, t, segments.list[0], scratch, state.dh, true);
    } else {
      for (const Segment& segment : segments) multiply(member, dir, t, segment, scratch, state.dh, true);
    }
    clear_started(member, scratch, state.dh);
  }

  // The whole gradient of h at step t, from the caller or the layer above and from the step after, which is
  // used up.
  void publish_dh(const Member& member, const Direction& dir, std::int64_t t, const RowScratch& scratch) {
    auto& state = buffers_.state[member.direction_group];
    each_owned(member, h_columns(), scratch.all,
               [&](std::int64_t b, std::int64_t column, std::int64_t count, std::int64_t padded) {
                 A* const carried = state.dh + b * g_.state_row() + column;
                 E* const whole =
                     buffers_.dh_steps[dir.index] + (t * sizes_.batch + b) * g_.projection + column;
                 if (scratch.steps[b] == RowStep::skip) return;
                 if (dir.dy) {
                   const E* const dy = dir.dy.at(t, b) + column;
                   for (std::int64_t j = 0; j < count; ++j) carried[j] += widened(dy[j]);
                 }
                 copy_values(carried, count, whole);
                 std::fill_n(carried, padded, A(0));
               });
  }

  // dm = dh * projection, for the units and rows this member owns.
  void multiply_projection(const Member& member, const Direction& dir, std::int64_t t,
                           const RowScratch& scratch) {
    const std::int64_t width = g_.tiling.back_units;
    const Range panels = member.panels(g_.tiling, g_.tiling.back_panels);
    A* const dm = buffers_.state[member.direction_group].dm;
    const std::int64_t panel = units_of<E>(g_.projection) * width;
    kernels_.product({.a = buffers_.dh_steps[dir.index] + t * sizes_.batch * g_.projection,
                      .a_row = g_.projection,
                      .a_column = 1,
                      .b = buffers_.projection[dir.index] + panels.begin * panel,
                      .b_row = width,
                      .c = dm + panels.begin * width,
                      .c_row = g_.state_row(),
                      .rows = scratch.count,
                      .columns = width,
                      .depth = g_.projection,
                      .accumulate = false,
                      .a_rows = scratch.active,
                      .c_rows = scratch.active,
                      .panels = panels.size(),
                      .b_panel = panel,
                      .c_panel = width});
  }

  void run_cells(const Member& member, const Direction& dir, std::int64_t t, int phase,
                 const RowScratch& scratch) {
    const std::int64_t units = g_.tiling.back_units;
    const Range panels = member.panels(g_.tiling, g_.tiling.back_panels);
    const std::int64_t unit = panels.begin * units;
    const std::int64_t count = std::min(panels.end * units, g_.hidden) - unit;
    if (count <= 0 || scratch.count == 0) return;
    auto& state = buffers_.state[member.direction_group];
    const std::int64_t row = t * sizes_.batch;
    const auto at = [&](const Rows<const E>& sequence_rows) {
      return sequence_rows ? sequence_rows.at(t, 0) + unit : nullptr;
    };
    const BackwardTile<E> tile{
        .rows = scratch.active,
        .row_count = scratch.count,
        .units = count,
        .hidden = g_.hidden,
        .row_step = scratch.steps,
        .saved = dir.saved + row * g_.saved_columns() + unit,
        .saved_row = g_.saved_columns(),
        .saved_c = dir.saved_c != nullptr ? dir.saved_c + row * g_.hidden + unit : nullptr,
        .saved_c_row = g_.hidden,
        .h_prev = scratch.h_prev,
        .c_prev = scratch.c_prev,
        .unit = unit,
        .peephole = g_.traits.peepholes > 0 ? buffers_.peephole[dir.index] + unit : nullptr,
        .dy = g_.projected() ? nullptr : at(dir.dy),  // dm has it already
        .dy_row = dir.dy.batch,
        .dc_sequence = at(dir.dc_sequence),
        .dc_sequence_row = dir.dc_sequence.batch,
        .d_exchange = state.d_exchange != nullptr ? state.d_exchange + unit : nullptr,
        .exchange = buffers_.exchange[dir.index] != nullptr
                        ? buffers_.exchange[dir.index] + row * g_.hidden + unit
                        : nullptr,
        .exchange_row = g_.hidden,
        .dh = (g_.projected() ? state.dm : state.dh) + unit,
        .dc = state.dc != nullptr ? state.dc + unit : nullptr,
        .state_row = g_.state_row(),
        .dgates = buffers_.dgates[dir.index] + row * g_.sum_columns() + unit,
        .dgates_row = g_.sum_columns(),
        .activations = activations_ != nullptr ? activations_ + dir.index : nullptr,
    };
    const CellTiles<E>& tiles = activations_ != nullptr ? kernels_.given : kernels_.own;
    tiles.backward[static_cast<int>(g_.variant)][phase](tile);
  }

  // out (+)= dgates of the segment's gates times their rows of R, for the elements of h and rows this member
  // owns.
  void multiply(const Member& member, const Direction& dir, std::int64_t t, const Segment& segment,
                const RowScratch& scratch, A* out, bool accumulate) {
    const std::int64_t width = g_.tiling.back_units;
    const std::int64_t depth = segment.gates * g_.hidden;
    const std::int64_t panel = units_of<E>(depth) * width;
    const Range panels = member.panels(g_.tiling, g_.h_panels());
    // Every other step walks R backwards, as in forward.
    const std::int64_t direction = t % 2 == 0 ? 1 : -1;
    const std::int64_t first = direction > 0 ? panels.begin : panels.end - 1;
    kernels_.product(
        {.a = buffers_.dgates[dir.index] + t * sizes_.batch * g_.sum_columns() + segment.sum * g_.hidden,
         .a_row = g_.sum_columns(),
         .a_column = 1,
         .b = buffers_.panels[dir.index][segment.index] + first * panel,
         .b_row = width,
         .c = out + first * width,
         .c_row = g_.state_row(),
         .rows = scratch.count,
         .columns = width,
         .depth = depth,
         .accumulate = accumulate,
         .a_rows = scratch.active,
         .c_rows = scratch.active,
         .panels = panels.size(),
         .b_panel = direction * panel,
         .c_panel = direction * width});
  }

  // A step that started an episode passes no gradient to the state before it.
  void clear_started(const Member& member, const RowScratch& scratch, A* dh) {
    each_owned(member, h_columns(), scratch.all,
               [&](std::int64_t b, std::int64_t column, std::int64_t, std::int64_t padded) {
                 if (scratch.steps[b] == RowStep::run_then_clear)
                   std::fill_n(dh + b * g_.state_row() + column, padded, A(0));
               });
  }

  // What forward dropped of the outputs that a layer reads.
  std::optional<Dropout<E>> dropout_below(std::int64_t layer) const {
    if (!g_.drops_below(layer)) return std::nullopt;
    return Dropout<E>{kernels_, *g_.dropout, *reserve_.dropout_seed, layer - 1};
  }

  void run_gradients(const Member& member, std::int64_t layer) {
    const Rows<const E> x =
        layer == 0 ? rows_of<const E>(args_.x, g_.layout)
                   : dense_rows<const E>(reserve_.layers[layer - 1].outputs, sizes_, g_.outputs());
    const std::optional<Dropout<E>> dropout = dropout_below(layer);
    for (std::int64_t d = 0; d < g_.directions && !args_.dweights.empty(); ++d) {
      const Direction dir = direction(layer, d);
      const GradientInputs<E> inputs{
          .g = g_,
          .kernels = kernels_,
          .sizes = sizes_,
          .layer = layer,
          .direction = d,
          .timeline = dir.timeline,
          .x = x,
          .h_prev = dir.h_prev,
          .c_prev = dir.c_prev,
          .c = dir.saved_c,
          .dgates = buffers_.dgates[d],
          .exchange = buffers_.exchange[d],
          .m = reserve_.layers[layer].m[d],
          .dh = buffers_.dh_steps[d],
          .dropout = dropout,
      };
      weight_gradients(inputs, args_.dweights[static_cast<std::size_t>(layer)], args_.mode, buffers_.scratch,
                       member, barriers_.team);
    }
    const Rows<E> dx = layer == 0 ? rows_of<E>(args_.dx, g_.layout)
                                  : dense_rows(buffers_.between.of_layer(layer - 1), sizes_, g_.outputs());
    if (!dx) return;
    // Lengths are those of either direction.
    const Timeline timeline = timeline_of(g_, sizes_, args_, 0);
    input_gradients(InputGradients<E>{.g = g_,
                                      .kernels = kernels_,
                                      .sizes = sizes_,
                                      .layer = layer,
                                      .timeline = timeline,
                                      .dgates = buffers_.dgates,
                                      .W = buffers_.W,
                                      .dx = dx,
                                      .dropout = dropout},
                    buffers_.scratch, member);
  }

  const Geometry& g_;
  const Kernels<E>& kernels_;
  const TypedActivations<A>* const activations_;
  const BackwardCall& call_;
  const BackwardArgs& args_;
  const RunSizes sizes_;
  BackwardBuffers<E> buffers_;
  const ReserveBuffer<E> reserve_;
  Barriers barriers_;
};

}  // namespace

template <class E>
void run_backward(const PlanView<E>& plan, Context::State& context, const BackwardCall& call) {
  BackwardPass<E> pass(plan, call);
  run_members(context, plan.geometry.tiling, pass);
}

template void run_backward(const PlanView<float>&, Context::State&, const BackwardCall&);
template void run_backward(const PlanView<double>&, Context::State&, const BackwardCall&);
template void run_backward(const PlanView<Bf16>&, Context::State&, const BackwardCall&);

}  // namespace recur::host::cpu
