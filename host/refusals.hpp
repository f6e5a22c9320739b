// What each engine refuses, and the reason a user reads. An engine accepts everything that its rows do not name;
// a refusal of anything else is a defect, and the tests look for it. A reference may also pass on what its
// library says, which only the library knows.
//
// The rows of an engine stand in its folder (refusals.cpp); what they are made of is here. The first row that
// applies to a job gives the reason.
#pragma once

#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "host/engine.hpp"
#include "host/fields.hpp"

namespace recur::host {

// What a refusal is about.
enum class Ground : std::uint8_t {
  job,
  device,   // The engine does not run on devices of this kind.
  machine,  // The machine lacks what the engine needs, which says nothing of the library.
};

struct Refusal {
  std::function<bool(const Job&)> applies;
  std::string reason;
  Ground ground = Ground::job;
  EngineId engine = EngineId::best;  // set by refusals()
};
using Refusals = std::vector<Refusal>;

// All rows of all engines, also of those that this build lacks.
std::span<const Refusal> refusals();

// Whether the engine runs on devices of the job's kind.
bool is_for_device(EngineId engine, const Job& job);

// The reason of the first row of this engine that applies to the job; empty where none does.
std::optional<std::string> refusal_of(EngineId engine, const Job& job);

// "FIELD is not implemented" for every optional field of Spec and of Options that is not among `served`: those
// that the engine serves, or that rows of its own speak of.
Refusals fields_but(std::initializer_list<FieldId> served);

// "CELL has no R, `why`" for every cell that has none.
Refusals not_without_R(const std::string& why);

// "dtype TYPE is not implemented; `others` are".
Refusal not_of_type(DataType type, const std::string& others);

// The engine runs on devices of this kind only.
Refusal only_on(DeviceKind kind);

// Compute capability of the job's device, 75 for 7.5.
int capability_of(const Job& job);

// A product would have a size or a row distance beyond the 31 bits of a library of products.
Refusal sizes_beyond_products();

// The parts in order, as one table.
Refusals joined(std::initializer_list<Refusals> parts);

// The tables.
namespace cpu {
Refusals refusals();
}
namespace resident {
Refusals refusals();
}
namespace fused {
Refusals refusals();
}
namespace stepwise {
Refusals refusals();
}
namespace cudnn {
Refusals refusals();
}
namespace onednn {
Refusals refusals();
}

}  // namespace recur::host
