/// @file
/// Rows that continue one another as the nodes of a forest do, from its roots on. Where `Spec::forest` is set, a
/// call runs B such rows instead of B sequences of T steps: every row reads the state that its parent left, and the
/// rows of a level are formed together. A row may have many children, so that sequences that begin alike (words of
/// a dictionary, hypotheses of a beam, paths of a lattice that share a prefix) run their common part once. Trees
/// are read from the roots to the leaves.
///
///     OrderedForest ordered = order_forest(parents);  // once, from any numbering of the N nodes
///     Forest forest = ordered.view();
///     args.x = {x, {1, N, I}};                        // row i is node ordered.nodes[i]
///     args.y = {y, {1, N, H}};
///     args.forest = &forest;
///     forward(plan, context, stream, weights, args, workspace);
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "recur/export.hpp"

namespace recur {

/// What the B rows of a call continue, level by level. It is read from host memory, during the call only.
struct Forest {
  /// Rising values from 0 to B: level k has the rows level_begin[k] to level_begin[k+1] - 1, at least one. A call
  /// without rows has one value, 0.
  std::span<const std::int64_t> level_begin;
  /// [B]: the row whose state a row reads. It is a row of the level before, and within a level these do not
  /// descend. In the first level the values are -1: its rows, the roots, read `h0` and `c0`.
  std::span<const std::int32_t> parents;
};

/// The nodes of a forest, put in the order of `Forest`.
struct OrderedForest {
  std::vector<std::int64_t> level_begin;  ///< as `Forest::level_begin`
  std::vector<std::int32_t> parents;      ///< as `Forest::parents`
  std::vector<std::int32_t> nodes;        ///< [B]: the node that a row is

  /// A view, valid until the object changes or ends.
  Forest view() const { return {level_begin, parents}; }
};

/// Puts the nodes of a forest in order: by depth, then by the row of the parent, then by number.
///
/// @param parents  [N]: the parent of each node, or -1 for a root
/// @throws InvalidArgument  for a parent outside [-1, N), for nodes that lead to no root, and for more than
///         2^31 - 1 nodes
RECUR_API OrderedForest order_forest(std::span<const std::int32_t> parents);

}  // namespace recur
