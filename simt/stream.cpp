// Streams, events and graphs: everything put on a stream is a node with the nodes that must run before it. A
// stream is its last node, an event the node it was recorded after, a graph the nodes of a capture.
#include <algorithm>
#include <memory>
#include <set>
#include <vector>

#include "simt/machine.hpp"

namespace simt {
namespace {

struct Node;
using NodePtr = std::shared_ptr<Node>;

struct Node {
  Launch launch;  // of a kernel
  std::function<void()> body;
  bool is_kernel = false;
  std::vector<NodePtr> after;
  bool done = false;
  char start_tag = 0, end_tag = 0;
  int order = 0;  // of the stream it was put on, for the schedule
};

struct Stream;

struct Graph {
  std::vector<NodePtr> nodes;  // in the order they were captured
  NodePtr last;
  std::vector<Stream*> streams;  // while it is captured
  ~Graph() {
    for (const NodePtr& node : nodes) node->after.clear();  // no chain of destructors
  }
};

struct Stream {
  NodePtr last;
  std::vector<NodePtr> waits_for;  // of events, until the next node
  Graph* capture = nullptr;
  int order = 0;
};

struct Event {
  NodePtr node;
  Graph* capture = nullptr;
};

// Leaked on purpose, as machine() is.
struct Device {
  Stream default_stream;
  std::vector<NodePtr> pending;  // in the order of submission
  int streams = 0;
};
Device& the_device() {
  static auto& made = *new Device;
  return made;
}

Stream& stream_of(StreamHandle handle) {
  return handle == nullptr ? the_device().default_stream : *static_cast<Stream*>(handle);
}
Event& event_of(EventHandle handle) { return *static_cast<Event*>(handle); }

[[noreturn]] void refuse(const std::string& message) { throw Fault(FaultKind::stream, "stream: " + message); }

void put(Stream& stream, NodePtr node) {
  node->order = stream.order;
  node->after = std::move(stream.waits_for);
  stream.waits_for.clear();
  if (stream.last != nullptr) node->after.push_back(stream.last);
  stream.last = node;
  if (stream.capture != nullptr) {
    stream.capture->nodes.push_back(std::move(node));
  } else {
    the_device().pending.push_back(std::move(node));
  }
}

bool is_ready(const NodePtr& node) {
  return std::all_of(node->after.begin(), node->after.end(), [](const NodePtr& n) { return n->done; });
}

// Of the nodes that may run now, the one the schedule wants. There always is one: a node waits for earlier
// ones only.
std::size_t pick(const std::vector<NodePtr>& pending) {
  const Order order = machine().schedule.order;
  std::vector<std::size_t> ready;
  for (std::size_t i = 0; i < pending.size(); ++i) {
    if (!is_ready(pending[i])) continue;
    ready.push_back(i);
    if (order == Order::ascending) break;
  }
  switch (order) {
    case Order::ascending: return ready.front();
    case Order::descending:
      return *std::max_element(ready.begin(), ready.end(), [&](std::size_t a, std::size_t b) {
        return pending[a]->order < pending[b]->order;
      });
    case Order::random:
    case Order::starved: break;
  }
  return ready[machine().random() % ready.size()];
}

struct HostWork {
  const Node* node;
  std::exception_ptr error;
};

void run_host_work(void* user) {
  auto& work = *static_cast<HostWork*>(user);
  for (const NodePtr& before : work.node->after) sanitizers::acquire(&before->end_tag);
  sanitizers::release(&work.node->start_tag);
  try {
    work.node->body();
  } catch (...) {
    work.error = std::current_exception();
  }
  sanitizers::release(&work.node->end_tag);
}

// Joins the ends, or the starts, of the nodes before one into one tag, as a thread of its own.
struct Join {
  const Node* node;
  char Node::*of_each;
  const char* tag;
};
void join_tags(void* user) {
  const auto& join = *static_cast<const Join*>(user);
  for (const NodePtr& before : join.node->after) sanitizers::acquire(&((*before).*join.of_each));
  sanitizers::release(join.tag);
}

void run_node(const Node& node) {
  if (node.is_kernel) {
    Join join{&node, &Node::end_tag, &node.start_tag};
    run_apart(join_tags, &join);
    KernelTags tags{&node.start_tag, &node.start_tag, &node.end_tag};
    const auto early_tag = std::make_unique<char>();
    if (node.launch.dependent) {
      Join early{&node, &Node::start_tag, early_tag.get()};
      run_apart(join_tags, &early);
      tags.start = early_tag.get();
    }
    run_kernel(node.launch, node.body, tags);
    return;
  }
  HostWork work{&node, nullptr};
  run_apart(run_host_work, &work);
  if (work.error != nullptr) std::rethrow_exception(work.error);
}

std::size_t count_joined(const Node* last) {
  std::set<const Node*> seen{last};
  std::vector<const Node*> open{last};
  while (!open.empty()) {
    const Node* node = open.back();
    open.pop_back();
    for (const NodePtr& before : node->after) {
      if (seen.insert(before.get()).second) open.push_back(before.get());
    }
  }
  return seen.size();
}

void join_capture(Stream& stream, Graph* graph) {
  stream.capture = graph;
  stream.last = nullptr;
  stream.waits_for.clear();
  graph->streams.push_back(&stream);
}

}  // namespace

StreamHandle create_stream() {
  auto stream = std::make_unique<Stream>();
  stream->order = ++the_device().streams;
  return stream.release();
}
void destroy_stream(StreamHandle stream) { delete static_cast<Stream*>(stream); }
EventHandle create_event() { return std::make_unique<Event>().release(); }
void destroy_event(EventHandle event) { delete static_cast<Event*>(event); }

void record(EventHandle event, StreamHandle stream) {
  Stream& s = stream_of(stream);
  // A node of its own, since the stream may be waiting for events and have nothing behind them yet.
  auto node = std::make_shared<Node>();
  node->body = [] {};
  put(s, std::move(node));
  event_of(event) = {s.last, s.capture};
}

void wait(StreamHandle stream, EventHandle event) {
  Stream& s = stream_of(stream);
  const Event& e = event_of(event);
  if (e.node == nullptr) return;
  if (s.capture == nullptr && e.capture != nullptr) {
    if (s.last != nullptr && !s.last->done) refuse("a stream with work of its own cannot join a capture");
    join_capture(s, e.capture);
  }
  if (s.capture != e.capture) refuse("a stream that is captured waits for an event from outside the capture");
  s.waits_for.push_back(e.node);
}

void begin_capture(StreamHandle stream) {
  if (stream == nullptr) refuse("the default stream cannot be captured");
  Stream& s = stream_of(stream);
  if (s.capture != nullptr) refuse("capture begun twice");
  join_capture(s, std::make_unique<Graph>().release());
}

GraphHandle end_capture(StreamHandle stream) {
  Stream& s = stream_of(stream);
  if (s.capture == nullptr) refuse("capture ended that was not begun");
  std::unique_ptr<Graph> graph(s.capture);
  graph->last = std::make_shared<Node>();
  graph->last->body = [] {};
  put(s, graph->last);
  for (Stream* stream_of_capture : graph->streams) {
    stream_of_capture->capture = nullptr;
    stream_of_capture->last = nullptr;
    stream_of_capture->waits_for.clear();
  }
  if (count_joined(graph->last.get()) != graph->nodes.size()) {
    refuse("work on another stream was forked into the capture and never joined");
  }
  return graph.release();
}

void launch_graph(GraphHandle handle, StreamHandle stream) {
  const Graph& graph = *static_cast<Graph*>(handle);
  Stream& s = stream_of(stream);
  if (s.capture != nullptr) refuse("a graph in a graph");
  auto start = std::make_shared<Node>();
  start->body = [] {};
  put(s, start);
  std::vector<std::pair<const Node*, NodePtr>> copies;
  const auto copy_of = [&](const NodePtr& node) {
    const auto found =
        std::find_if(copies.begin(), copies.end(), [&](const auto& c) { return c.first == node.get(); });
    return found->second;
  };
  for (const NodePtr& node : graph.nodes) {
    auto copy = std::make_shared<Node>();
    copy->launch = node->launch;
    copy->body = node->body;
    copy->is_kernel = node->is_kernel;
    copy->order = node->order;
    for (const NodePtr& before : node->after) copy->after.push_back(copy_of(before));
    if (copy->after.empty()) copy->after.push_back(start);
    the_device().pending.push_back(copy);
    copies.emplace_back(node.get(), copy);
  }
  s.last = copy_of(graph.last);
}

void destroy_graph(GraphHandle graph) { delete static_cast<Graph*>(graph); }

bool is_capturing(StreamHandle stream) { return stream_of(stream).capture != nullptr; }

void enqueue(const std::string& name, StreamHandle stream, std::function<void()> function) {
  auto node = std::make_shared<Node>();
  node->launch.name = name;
  node->body = std::move(function);
  put(stream_of(stream), std::move(node));
}

void enqueue(Launch launch, StreamHandle stream, std::function<void()> thread) {
  check_launch(launch, device());
  auto node = std::make_shared<Node>();
  node->launch = std::move(launch);
  node->body = std::move(thread);
  node->is_kernel = true;
  put(stream_of(stream), std::move(node));
}

void synchronize() {
  const sanitizers::Quiet quiet;
  std::vector<NodePtr>& pending = the_device().pending;
  std::vector<NodePtr> done;
  const auto finish = [](Node& node) {
    node.done = true;
    node.after.clear();
  };
  std::exception_ptr fault;
  while (!pending.empty() && fault == nullptr) {
    const std::size_t which = pick(pending);
    done.push_back(pending[which]);
    pending.erase(pending.begin() + static_cast<std::ptrdiff_t>(which));
    try {
      run_node(*done.back());
    } catch (...) {
      fault = std::current_exception();
    }
    finish(*done.back());
  }
  for (const NodePtr& dropped : pending) finish(*dropped);
  pending.clear();
  // Only now: a node must not know of others because the host ran them in turn.
  for (const NodePtr& node : done) sanitizers::acquire(&node->end_tag);
  if (fault != nullptr) std::rethrow_exception(fault);
}

}  // namespace simt
