// What forward and backward hold of a call alike.
#pragma once

#include <type_traits>

#include "host/gpu_pass/kernels.hpp"
#include "host/gpu_pass/run.hpp"

namespace recur::host::gpu_pass {

// Of a ForwardCall or BackwardCall, whose Args it has, with the pass's buffers and tracks.
template <class Call, class Buffers, class Track>
class Pass {
 protected:
  using Args = std::remove_pointer_t<decltype(Call::args)>;

  // `reserve`: null where none is kept. Tracks run on as many streams as `slots` says, where several
  // can run at once.
  Pass(const Geometry& geometry, gpu::DeviceResources& resources, const Call& call, std::int64_t chunk_steps,
       const Buffers& buffers, std::byte* reserve, int slots)
      : g_(geometry),
        products_(resources.products()),
        kernels_(kernels_of(g_.type)),
        call_(call),
        args_(*call.args),
        sizes_(call.sizes),
        chunks_(sizes_.steps, chunk_steps),
        buffers_(buffers),
        reserve_(reserve, g_, sizes_),
        slots_(resources, call.stream, g_.directions == 2 || chunks_.count() > 1 ? slots : 1) {}

  const Geometry& g_;
  gpu::Products& products_;
  const KernelTable& kernels_;
  const Call& call_;
  const Args& args_;
  const RunSizes sizes_;
  const Chunks chunks_;
  const Buffers buffers_;
  const ReserveBuffer reserve_;
  StreamSlots slots_;
  Track tracks_[gpu::kMostSlots];
};

}  // namespace recur::host::gpu_pass
