// An algorithm that takes a job, with what the device's cuDNN says of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "host/cudnn/buffers.hpp"

namespace recur::host::cudnn {

struct Candidate {
  Setup setup;
  WeightSpace weights;
  Spaces spaces;
  std::optional<double> seconds = std::nullopt;  // where it was timed
};

// The algorithms that the job allows and that cuDNN takes on the current device. `refused` collects what
// cuDNN says of the others, by name.
std::vector<Candidate> candidates_of(Session& session, const Job& job, std::string& refused);

// Runs each candidate as the job would, and sets its time: that of a forward pass, and in training of a
// backward pass too. Removes the candidates that do not run and adds them to `refused`. Allocates memory on
// the current device and waits for it.
void time_candidates(Session& session, const Job& job, std::vector<Candidate>& candidates,
                     std::string& refused);

// Adds what is said of an algorithm to `refused`.
void add_refusal(std::string& refused, CudnnAlgorithm algorithm, std::string_view reason);

}  // namespace recur::host::cudnn
