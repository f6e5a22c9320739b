// Which of the resident kernel's tiles serves a layer on a chip, on how many blocks, by a model of one step.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "host/engine.hpp"
#include "kernels/resident/tile.hpp"

namespace recur::host::resident {

struct Choice {
  int tile = 0;                  // of recur::resident::kTiles
  int cluster = 1;               // blocks
  int batch_tiles = 1;           // of a cluster
  std::int64_t clusters = 1;     // of both directions
  std::int64_t turns = 1;        // in which they run, where they are more than fit at once
  std::size_t shared_bytes = 0;  // of a block
  int rows = 8;                  // of the batch, in the fullest batch tile
};

// What a block receives from its peers in a visit to a batch tile, for each phase.
std::int64_t received_bytes(const Choice& choice);

// The fastest by the model below; of equally fast ones that on the fewest blocks. Empty where no tile can
// hold R. A pure function: equal arguments, equal choice. Rates have no part in it.
std::optional<Choice> choose(const cells::Traits& traits, std::int64_t hidden, std::int64_t batch,
                             std::int64_t directions, const CudaProps& chip);

// Clusters of so many blocks that run at once on a chip: as its driver says, or, where that is not known, as
// many as can be counted on.
std::int64_t clusters_at_once(int cluster, const CudaProps& chip);

// Seconds of a step by the model, with the hop between blocks as it was measured, where it was.
double step_seconds(const Choice& choice, const cells::Traits& traits, const Rates* rates = nullptr);

// Why a product and a kernel for each step would be faster, by the model; empty where they would not.
std::optional<std::string> slower_than_steps(const Choice& choice, const cells::Traits& traits,
                                             std::int64_t hidden, std::int64_t batch);

// Text for Plan::tile().
std::string describe(const Choice& choice, const cells::Traits& traits);

}  // namespace recur::host::resident
