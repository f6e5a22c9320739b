// The state of a whole layer in every block of a cluster, for some batch tiles, and how blocks tell each
// other what they have of it.
//
// Exchange e of a batch tile is what its products at e read; exchange 0 is loaded before the first step.
// Every block computes the units it owns of exchange e + 1 and pushes them to the others, where a barrier for
// each source counts the bytes. There are two buffers, e alternating between them, and, between the
// first step and the last, no barrier of the cluster:
//
//   buffer (e + 1) & 1   holds exchange e - 1 until every warp of the block has multiplied it. The block's
//                        barrier after the gates of e - 1 says that they have. Only then does the block push
//                        its units of e. A peer pushes e + 1 after all its warps have waited for all units
//                        of e, these among them, so that it never writes before this buffer is free.
//   its barriers         count exchange e + 1 from when exchange e - 1 has been read (`expect`), which is
//                        after their last phase has completed. Bytes that come before they are expected
//                        wait.
//
// A block does not push the last exchange of a launch, so that nobody writes to a block that may have ended.
// A block also stays until everything that it pushed has arrived, because the programming guide can be read
// to demand that. The cluster's barrier at the end of the kernel (forward.cuh) ensures it.
#pragma once

#include "kernels/device/cluster.cuh"
#include "kernels/device/numeric.cuh"
#include "kernels/resident/values.cuh"

namespace recur::resident {

using device::MemoryScope;

template <Tile kTile>
class Exchange {
 public:
  // `rows` of the batch from the cluster's first one on.
  RECUR_DEVICE Exchange(unsigned char* shared, const SharedLayout& layout, int cluster, int rank,
                        int batch_tiles, int rows)
      : state_(shared + layout.state),
        barriers_(reinterpret_cast<std::uint64_t*>(shared + layout.barriers)),
        blocks_(layout.state_blocks),
        cluster_(cluster),
        rank_(rank),
        batch_tiles_(batch_tiles),
        rows_(rows) {}

  RECUR_DEVICE int rank() const { return rank_; }
  RECUR_DEVICE int blocks() const { return blocks_; }

  // Before the cluster's first barrier: nothing is expected but exchange 1. The first phase of the other
  // barriers, for exchange 0, is complete then.
  RECUR_DEVICE void start(int thread) {
    const int count = 2 * batch_tiles_ * cluster_;
    for (int i = thread; i < count; i += kTile.threads()) {
      device::mbarrier_init(barriers_ + i, 1);
      const bool second_buffer = i >= count / 2;
      device::mbarrier_arrive_relaxed(
          barriers_ + i, second_buffer ? bytes_of(i % cluster_, i / cluster_ % batch_tiles_) : 0);
    }
    device::mbarrier_init_fence();
  }

  // 16 bytes: 8 units of a row, the first of them unit `octet` * 8 of the layer.
  RECUR_DEVICE unsigned char* octet(int exchange, int batch_tile, int octet, int row) {
    return buffer(exchange, batch_tile) + (octet * kTileRows + row) * 16;
  }
  // Walks an exchange as the operand of products: K-block `first` and on, round the cluster, each after its
  // source has come. For whole warps, which call `next` with 0, 1, ...
  class Reader {
   public:
    RECUR_DEVICE Reader(const Exchange& exchange, int e, int batch_tile, int first, int lane)
        // The rows of the two 8 x 8 matrices of a K-block, as `load_matrix` asks lanes for them.
        : block_(exchange.buffer(e, batch_tile) + first * kStateBlockBytes + lane % 16 * 16),
          barriers_(exchange.barrier(e, batch_tile, 0)),
          parity_(static_cast<unsigned>(e >> 1) & 1u),
          blocks_(exchange.blocks_),
          until_round_(exchange.blocks_ - first),
          source_(first / kTile.groups),
          until_source_(source_ * kTile.groups - first) {}

    RECUR_DEVICE const unsigned char* next(int i) {
      if (i == until_round_) {
        block_ -= blocks_ * kStateBlockBytes;
        source_ -= blocks_ / kTile.groups;
      }
      if (i == 0 || i == until_source_) {
        device::mbarrier_wait<MemoryScope::cluster>(barriers_ + source_, parity_);
        ++source_;
        until_source_ += kTile.groups;
      }
      return block_ + i * kStateBlockBytes;
    }

   private:
    const unsigned char* block_;  // less i
    std::uint64_t* barriers_;
    unsigned parity_;
    int blocks_;
    int until_round_;
    int source_;
    int until_source_;
  };

  // One unit that this block owns.
  template <class E>
  RECUR_DEVICE void store(int exchange, int batch_tile, int group, int unit, int row, E value) {
    const int octet_of_unit = (rank_ * kTile.groups + group) * 2 + unit / 8;
    *device::noted(reinterpret_cast<E*>(octet(exchange, batch_tile, octet_of_unit, row)) + unit % 8) = value;
  }

  // All warps have read `exchange`: what comes next in its buffer.
  RECUR_DEVICE void expect(int exchange, int batch_tile, int thread) {
    if (thread < cluster_) {
      device::mbarrier_arrive_relaxed(barrier(exchange, batch_tile, thread), bytes_of(thread, batch_tile));
    }
  }

  // The units that this block owns to all others, nearest first, so that not all write to one at once. A
  // thread sends one piece of them to some of the others. Rows that the batch does not have stay at home: what
  // peers have there reaches no row but those.
  RECUR_DEVICE void push(int exchange, int batch_tile, int thread) {
    constexpr int kPieces = kTile.units();  // of 16 bytes
    constexpr int kAtOnce = kTile.threads() / kPieces;
    static_assert(kTile.threads() % kPieces == 0);
    const int nearest = 1 + thread / kPieces;
    if (nearest >= cluster_ || thread % kTileRows >= rows(batch_tile)) return;
    auto* const piece =
        reinterpret_cast<int4*>(octet(exchange, batch_tile, rank_ * kTile.groups * 2, thread % kPieces));
    std::uint64_t* const counted_by = barrier(exchange, batch_tile, rank_);
    const int4 value = *device::noted(piece);
    RECUR_UNROLL
    for (int distance = 0; distance < kMostClusterBlocks - 1; distance += kAtOnce) {
      int to = rank_ + nearest + distance;
      if (nearest + distance >= cluster_) break;
      if (to >= cluster_) to -= cluster_;
      device::store_async(piece, value, counted_by, static_cast<unsigned>(to));
    }
  }

 private:
  // Of a batch tile, those of the batch.
  RECUR_DEVICE int rows(int batch_tile) const {
    const int left = rows_ - batch_tile * kTileRows;
    return left < 0 ? 0 : (left < kTileRows ? left : kTileRows);
  }
  // That `source` sends of one exchange; what is its own a block does not wait for.
  RECUR_DEVICE unsigned bytes_of(int source, int batch_tile) const {
    return source == rank_ ? 0 : static_cast<unsigned>(kTile.units() * rows(batch_tile) * 2);
  }

  RECUR_DEVICE unsigned char* buffer(int exchange, int batch_tile) const {
    return state_ + ((exchange & 1) * batch_tiles_ + batch_tile) * blocks_ * kStateBlockBytes;
  }
  RECUR_DEVICE std::uint64_t* barrier(int exchange, int batch_tile, int source) const {
    return barriers_ + ((exchange & 1) * batch_tiles_ + batch_tile) * cluster_ + source;
  }

  unsigned char* state_;
  std::uint64_t* barriers_;
  int blocks_;
  int cluster_;
  int rank_;
  int batch_tiles_;
  int rows_;
};

}  // namespace recur::resident
