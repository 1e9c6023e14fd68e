#include "compiler/transforms/autodiff/recomputation.h"

#include <deque>
#include <limits>

#include "dialect/interfaces/interfaces.h"
#include "llvm/ADT/MapVector.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/CallInterfaces.h"

namespace llc::compiler {
namespace {
using namespace mlir;

constexpr double infinite = std::numeric_limits<double>::infinity();

// A network of capacities, cut by augmenting paths (Edmonds and Karp 1972). Functions have some hundred ops.
class Network {
 public:
  static constexpr int source = 0, sink = 1;

  int addNode() {
    edges_.emplace_back();
    return int(edges_.size()) - 1;
  }
  void addEdge(int from, int to, double capacity) {
    if (capacity <= 0) return;
    edges_[from].push_back({to, int(edges_[to].size()), capacity});
    edges_[to].push_back({from, int(edges_[from].size()) - 1, 0});
  }
  // For each node whether it is on the source's side of a minimum cut; of several the one nearest to the source.
  std::vector<bool> cut() {
    for (;;) {
      std::vector<std::pair<int, int>> cameBy(edges_.size(), {-1, -1});  // node and edge
      search(cameBy);
      if (cameBy[sink].first < 0) {
        std::vector<bool> reached;
        for (auto [node, edge] : cameBy) reached.push_back(node >= 0);
        return reached;
      }
      augment(cameBy);
    }
  }

 private:
  struct Edge {
    int to, back;  // `back`: place of the reverse edge
    double left;
  };

  void search(std::vector<std::pair<int, int>> &cameBy) const {
    std::deque<int> open = {source};
    cameBy[source] = {source, -1};
    while (!open.empty() && cameBy[sink].first < 0) {
      int node = open.front();
      open.pop_front();
      for (auto [place, edge] : llvm::enumerate(edges_[node])) {
        if (edge.left <= 0 || cameBy[edge.to].first >= 0) continue;
        cameBy[edge.to] = {node, int(place)};
        open.push_back(edge.to);
      }
    }
  }
  void augment(const std::vector<std::pair<int, int>> &cameBy) {
    double flow = infinite;
    for (int node = sink; node != source; node = cameBy[node].first)
      flow = std::min(flow, edges_[cameBy[node].first][cameBy[node].second].left);
    for (int node = sink; node != source; node = cameBy[node].first) {
      Edge &edge = edges_[cameBy[node].first][cameBy[node].second];
      edge.left = edge.left == flow ? 0 : edge.left - flow;  // no crumbs of rounding
      edges_[node][edge.back].left += flow;
    }
  }

  std::vector<std::vector<Edge>> edges_ = std::vector<std::vector<Edge>>(2);
};

double workOf(Operation *op) {
  if (auto call = dyn_cast<CallOpInterface>(op)) {
    double work = 0;
    if (auto callee = dyn_cast_or_null<func::FuncOp>(call.resolveCallable()))
      callee.walk([&](Operation *inner) { work += inner == callee ? 0 : workOf(inner); });
    return work;
  }
  auto costed = dyn_cast<llm::Costed>(op);
  if (!costed) return 0;
  llm::Cost cost = costed.cost({});
  return std::max(cost.flops, 8 * cost.bytes);
}
}  // namespace

llvm::DenseSet<Operation *> leastRecomputation(const llvm::DenseSet<Operation *> &forward, ArrayRef<Value> needed,
                                               double price, function_ref<bool(Operation *)> isFree) {
  Network network;
  llvm::MapVector<Operation *, int> again;
  llvm::DenseMap<Value, int> kept;
  SmallVector<Operation *> open;
  auto opNode = [&](Operation *op) {
    auto [place, isNew] = again.insert({op, 0});
    if (!isNew) return place->second;
    open.push_back(op);
    return place->second = network.addNode();
  };
  auto valueNode = [&](Value value) {
    auto [place, isNew] = kept.insert({value, 0});
    if (!isNew) return place->second;
    int node = place->second = network.addNode();
    network.addEdge(node, opNode(value.getDefiningOp()), price * llm::derive::bytesOf(value.getType(), {}));
    return node;
  };
  // Through what is free to what must be had.
  auto require = [&](int from, Value value) {
    SmallVector<Value> values = {value};
    while (!values.empty()) {
      Value next = values.pop_back_val();
      Operation *op = next.getDefiningOp();
      if (!op || !forward.contains(op)) continue;
      if (isFree(op))
        llvm::append_range(values, op->getOperands());
      else
        network.addEdge(from, valueNode(next), infinite);
    }
  };
  for (Value value : needed) require(Network::source, value);
  while (!open.empty()) {
    Operation *op = open.pop_back_val();
    network.addEdge(again.lookup(op), Network::sink, workOf(op));
    for (Value operand : op->getOperands()) require(again.lookup(op), operand);
  }
  std::vector<bool> isAgain = network.cut();
  llvm::DenseSet<Operation *> chosen;
  for (auto [op, node] : again)
    if (isAgain[node]) chosen.insert(op);
  return chosen;
}

}  // namespace llc::compiler
