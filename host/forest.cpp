#include "recur/forest.hpp"

#include <limits>
#include <string>

#include "recur/error.hpp"

namespace recur {
namespace {

// The children of every node, in ascending order: those of node i are list[begin[i]] to list[begin[i+1] - 1]. The
// last node, N, stands for none: its children are the roots.
struct Children {
  std::vector<std::int64_t> begin;
  std::vector<std::int32_t> list;
};

Children children_of(std::span<const std::int32_t> parents) {
  const std::size_t count = parents.size();
  const auto node_of = [&](std::int32_t parent) {
    return parent < 0 ? count : static_cast<std::size_t>(parent);
  };
  Children children{std::vector<std::int64_t>(count + 2), std::vector<std::int32_t>(count)};
  for (std::size_t i = 0; i < count; ++i) {
    if (parents[i] < -1 || parents[i] >= static_cast<std::int64_t>(count)) {
      throw InvalidArgument(
          "parents: expected values from -1 to N-1=" + std::to_string(static_cast<std::int64_t>(count) - 1) +
          ", got " + std::to_string(parents[i]) + " for node " + std::to_string(i));
    }
    ++children.begin[node_of(parents[i]) + 1];
  }
  for (std::size_t i = 0; i <= count; ++i) children.begin[i + 1] += children.begin[i];
  std::vector<std::int64_t> next = children.begin;
  for (std::size_t i = 0; i < count; ++i) {
    auto& place = next[node_of(parents[i])];
    children.list[static_cast<std::size_t>(place++)] = static_cast<std::int32_t>(i);
  }
  return children;
}

}  // namespace

OrderedForest order_forest(std::span<const std::int32_t> parents) {
  const std::size_t count = parents.size();
  if (count > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    throw InvalidArgument("parents: expected at most 2^31 - 1 nodes, got " + std::to_string(count));
  }
  const Children children = children_of(parents);
  OrderedForest forest;
  forest.level_begin.push_back(0);
  forest.nodes.reserve(count);
  forest.parents.reserve(count);
  const auto append_children = [&](std::size_t node, std::int32_t row) {
    for (auto i = children.begin[node]; i < children.begin[node + 1]; ++i) {
      forest.nodes.push_back(children.list[static_cast<std::size_t>(i)]);
      forest.parents.push_back(row);
    }
  };
  append_children(count, -1);
  // Each level is the children of the rows of the one before, in their order.
  while (forest.nodes.size() > static_cast<std::size_t>(forest.level_begin.back())) {
    const auto first = static_cast<std::size_t>(forest.level_begin.back());
    const std::size_t last = forest.nodes.size();
    forest.level_begin.push_back(static_cast<std::int64_t>(last));
    for (std::size_t row = first; row < last; ++row)
      append_children(static_cast<std::size_t>(forest.nodes[row]), static_cast<std::int32_t>(row));
  }
  if (forest.nodes.size() != count) {
    throw InvalidArgument("parents: expected a forest, got " + std::to_string(count - forest.nodes.size()) +
                          " nodes that lead to no root");
  }
  return forest;
}

}  // namespace recur
