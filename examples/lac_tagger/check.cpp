#include "check.hpp"

#include <algorithm>
#include <cmath>
#include <future>
#include <limits>
#include <vector>

#include "oracle/oracle.hpp"
#include "utf8.hpp"

namespace lac {
namespace {

using recur::ConstTensorView;

constexpr std::size_t kJudgedFrom = 4096;  // values; fewer say too little about the largest error

template <class Real>
std::vector<Real> copy(const ConstTensorView& view) {
  std::int64_t count = 1;
  for (int d = 0; d < view.rank(); ++d) count *= view.size(d);
  const auto* data = static_cast<const float*>(view.data());
  return std::vector<Real>(data, data + count);
}

// The network in one arithmetic type, sums in their plain order.
template <class Real>
class Network {
 public:
  explicit Network(const LacModel& model)
      : model_(model), W_(copy<Real>(model.emission_W())), b_(copy<Real>(model.emission_b())) {
    problem_.spec = model.spec();
    problem_.B = 1;
    for (const recur::LayerWeights& layer : model.layers()) {
      problem_.layers.push_back({copy<Real>(layer.W), copy<Real>(layer.R), copy<Real>(layer.bW), {}, {}});
    }
  }

  // [characters][N]
  std::vector<Real> emissions(const std::vector<std::int32_t>& ids) {
    const ConstTensorView embedding = model_.embedding();
    problem_.T = static_cast<std::int64_t>(ids.size());
    problem_.lengths = {static_cast<std::int32_t>(ids.size())};
    problem_.x.clear();
    for (const std::int32_t id : ids) {
      const float* row = static_cast<const float*>(embedding.data()) + id * embedding.stride(0);
      problem_.x.insert(problem_.x.end(), row, row + embedding.size(1));
    }
    const std::vector<Real> y = recur::oracle::forward(problem_).y;
    const std::size_t inputs = W_.size() / b_.size();
    std::vector<Real> result;
    for (std::size_t t = 0; t < ids.size(); ++t) {
      for (std::size_t n = 0; n < b_.size(); ++n) {
        Real sum = b_[n];
        for (std::size_t i = 0; i < inputs; ++i) sum += W_[n * inputs + i] * y[t * inputs + i];
        result.push_back(sum);
      }
    }
    return result;
  }

 private:
  const LacModel& model_;
  std::vector<Real> W_;  // [N][D*H]
  std::vector<Real> b_;  // [N]
  recur::oracle::Problem<Real> problem_;
};

// Ids of a sentence's characters without the white space around them. The tagger's results say how many are
// left.
std::vector<std::int32_t> ids_of(const LacModel& model, std::string_view sentence,
                                 const TaggedSentence& result) {
  std::vector<std::int32_t> ids;
  if (result.words.empty()) return ids;
  const char* begin = result.words.front().text.data();
  const char* end = result.words.back().text.data() + result.words.back().text.size();
  for (const Utf8Character& c : utf8_decode(sentence)) {
    const char* at = sentence.data() + c.offset;
    if (at >= begin && at < end) ids.push_back(model.id_of(c.code));
  }
  return ids;
}

}  // namespace

void Check::Worst::merge(const Worst& other) {
  values += other.values;
  tagger = std::max(tagger, other.tagger);
  naive = std::max(naive, other.naive);
  magnitude = std::max(magnitude, other.magnitude);
}

Check::Worst Check::measure(std::span<const std::string_view> sentences,
                            std::span<const TaggedSentence> results, std::size_t first,
                            std::size_t stride) const {
  Network<double> oracle(model_);
  Network<float> plain(model_);
  Worst worst;
  for (std::size_t i = first; i < sentences.size(); i += stride) {
    const std::vector<std::int32_t> ids = ids_of(model_, sentences[i], results[i]);
    if (ids.empty()) continue;
    const std::vector<double> exact = oracle.emissions(ids);
    const std::vector<float> naive = plain.emissions(ids);
    const std::vector<float>& emissions = results[i].emissions;
    for (std::size_t k = 0; k < exact.size(); ++k) {
      // A missing or unordered value counts as infinitely wrong.
      const double value = k < emissions.size() ? static_cast<double>(emissions[k]) : std::nan("");
      const double difference = std::abs(value - exact[k]);
      worst.tagger =
          std::max(worst.tagger, difference >= 0 ? difference : std::numeric_limits<double>::infinity());
      worst.naive = std::max(worst.naive, std::abs(static_cast<double>(naive[k]) - exact[k]));
      worst.magnitude = std::max(worst.magnitude, std::abs(exact[k]));
    }
    worst.values += exact.size();
  }
  return worst;
}

void Check::add(std::span<const std::string_view> sentences, std::span<const TaggedSentence> results) {
  const auto threads = static_cast<std::size_t>(threads_);
  std::vector<std::future<Worst>> parts;
  parts.reserve(threads);
  for (std::size_t n = 0; n < threads; ++n) {
    parts.push_back(
        std::async(std::launch::async, [=, this] { return measure(sentences, results, n, threads); }));
  }
  for (std::future<Worst>& part : parts) worst_.merge(part.get());
}

bool Check::passes() const {
  if (worst_.values < kJudgedFrom) return true;
  const auto epsilon = static_cast<double>(std::numeric_limits<float>::epsilon());
  return worst_.tagger <= 2 * worst_.naive + 2 * epsilon * worst_.magnitude;
}

}  // namespace lac
