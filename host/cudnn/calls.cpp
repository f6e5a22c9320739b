#include "host/cudnn/calls.hpp"

namespace recur::host::cudnn {

// devSeqLengths is null in all of them: since 8.9.1 cuDNN takes the lengths from the descriptors and brings
// them to the device itself.

void call_forward(Session& session, const Setup& setup, const Spaces& spaces, std::int64_t batch,
                  const ForwardTensors& t) {
  RECUR_CUDNN(session.library(), RNNForward, session.handle(), session.layer(setup, batch), setup.pass,
              nullptr, session.x(), t.x, session.y(), t.y, session.h(), t.h0, t.hN, session.c(), t.c0, t.cN,
              spaces.weights, t.weights, spaces.temp.work, t.work, spaces.temp.reserve, t.reserve);
}

void call_backward_data(Session& session, const Setup& setup, const Spaces& spaces, std::int64_t batch,
                        const BackwardTensors& t) {
  RECUR_CUDNN(session.library(), RNNBackwardData_v8, session.handle(), session.layer(setup, batch), nullptr,
              session.y(), t.y, t.dy, session.x(), t.dx, session.h(), t.h0, t.dhN, t.dh0, session.c(), t.c0,
              t.dcN, t.dc0, spaces.weights, t.weights, spaces.temp.work, t.work, spaces.temp.reserve,
              t.reserve);
}

void call_backward_weights(Session& session, const Setup& setup, const Spaces& spaces, std::int64_t batch,
                           const BackwardTensors& t) {
  RECUR_CUDNN(session.library(), RNNBackwardWeights_v8, session.handle(), session.layer(setup, batch),
              CUDNN_WGRAD_MODE_ADD, nullptr, session.x(), t.x, session.h(), t.h0, session.y(), t.y,
              spaces.weights, t.dweights, spaces.temp.work, t.work, spaces.temp.reserve, t.reserve);
}

}  // namespace recur::host::cudnn
