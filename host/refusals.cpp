#include "host/refusals.hpp"

#include <algorithm>

namespace recur::host {
namespace {

// The field as the subject of "is not implemented".
std::string subject_of(FieldId id, std::string_view name) {
  if (id == FieldId::activations) return "activations other than the cell's own are";
  if (id == FieldId::reverse_activations) return "activations that differ by direction are";
  return std::string(name) + " is";
}

const Spec& owner_of(const Job& job, const Spec* /*kind*/) { return job.spec; }
const Options& owner_of(const Job& job, const Options* /*kind*/) { return job.options; }

template <class Owner>
void append_fields_but(std::initializer_list<FieldId> served, Refusals& rows) {
  each_field<Owner>([&](const auto& field) {
    if (field.need != Need::optional || std::ranges::count(served, field.id) != 0) return;
    rows.push_back({[field](const Job& job) {
                      return !is_default(field, owner_of(job, static_cast<const Owner*>(nullptr)));
                    },
                    subject_of(field.id, field.name) + " not implemented"});
  });
}

// The most sums of a unit that any cell has.
template <std::size_t... kIndex>
constexpr std::int64_t most_sums(std::index_sequence<kIndex...> /*variants*/) {
  return std::max({cells::CellOf<static_cast<cells::Variant>(kIndex)>::kSums...});
}
constexpr std::int64_t kMostSums = most_sums(std::make_index_sequence<cells::kVariantCount>());

// The sums of a row are a size. Where batch is outermost, so is the distance from one sequence to the next.
bool is_beyond_products(const Job& job) {
  constexpr std::int64_t kMost = 0x7fffffff;
  constexpr std::int64_t kMostUnits = kMost / kMostSums;
  const Spec& spec = job.spec;
  if (spec.input_size > kMostUnits || spec.hidden_size > kMostUnits / 2 || job.shape.batch > kMost)
    return true;
  const std::int64_t steps = kMost / std::max(kMostSums * spec.hidden_size, spec.input_size);
  return spec.layout == Layout::batch_major && job.shape.steps > steps;
}

}  // namespace

Refusals fields_but(std::initializer_list<FieldId> served) {
  Refusals rows;
  append_fields_but<Spec>(served, rows);
  append_fields_but<Options>(served, rows);
  return rows;
}

Refusal not_of_type(DataType type, const std::string& others) {
  return {[type](const Job& job) { return job.spec.dtype == type; },
          "dtype " + std::string(name_of(type)) + " is not implemented; " + others + " are"};
}

Refusals not_without_R(const std::string& why) {
  Refusals rows;
  for (int value = 0; !name_of(static_cast<Cell>(value)).starts_with("unknown"); ++value) {
    const auto cell = static_cast<Cell>(value);
    if (cells::traits_of(variant_of({.cell = cell})).recurrent) continue;
    rows.push_back({[cell](const Job& job) { return job.spec.cell == cell; },
                    std::string(name_of(cell)) + " has no R, " + why});
  }
  return rows;
}

Refusal only_on(DeviceKind kind) {
  return {[kind](const Job& job) { return job.device.kind != kind; },
          kind == DeviceKind::cpu ? "runs on the CPU only" : "runs on CUDA devices only", Ground::device};
}

int capability_of(const Job& job) {
  return 10 * job.device.cuda.compute_major + job.device.cuda.compute_minor;
}

Refusal sizes_beyond_products() {
  return {is_beyond_products, "a product would have a size or a row distance of more than 2^31 - 1 elements"};
}

Refusals joined(std::initializer_list<Refusals> parts) {
  Refusals all;
  for (const Refusals& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

std::span<const Refusal> refusals() {
  static const Refusals all = [] {
    Refusals rows;
    const auto append = [&](EngineId engine, Refusals&& of_engine) {
      for (Refusal& row : of_engine) {
        row.engine = engine;
        rows.push_back(std::move(row));
      }
    };
    append(EngineId::cpu, cpu::refusals());
    append(EngineId::cluster_resident, resident::refusals());
    append(EngineId::fused, fused::refusals());
    append(EngineId::stepwise, stepwise::refusals());
    append(EngineId::onednn, onednn::refusals());
    append(EngineId::cudnn, cudnn::refusals());
    return rows;
  }();
  return all;
}

bool is_for_device(EngineId engine, const Job& job) {
  return std::ranges::none_of(refusals(), [&](const Refusal& row) {
    return row.engine == engine && row.ground == Ground::device && row.applies(job);
  });
}

std::optional<std::string> refusal_of(EngineId engine, const Job& job) {
  const auto found = std::ranges::find_if(
      refusals(), [&](const Refusal& row) { return row.engine == engine && row.applies(job); });
  if (found == refusals().end()) return std::nullopt;
  return found->reason;
}

}  // namespace recur::host
