#include "compiler/lowering/call_runs.h"

namespace llc::compiler {
namespace {
using namespace mlir;
using kernels::Emitter;

// Models repeat one layer, or a few kinds of layers in turn: every sixth with a wider window, say.
constexpr size_t longestPeriod = 8;

bool sameCode(const CallArgument &a, const CallArgument &b) { return a.kind == b.kind && a.value == b.value; }
bool sameCode(const PlannedCall &a, const PlannedCall &b) {
  return func::CallOp(a.call).getCallee() == func::CallOp(b.call).getCallee() && a.barrier == b.barrier &&
         llvm::equal(a.arguments, b.arguments, [](const auto &x, const auto &y) { return sameCode(x, y); });
}

}  // namespace

CallRun firstRun(llvm::ArrayRef<PlannedCall> calls) {
  CallRun best;
  for (size_t period = 1; period <= longestPeriod && 2 * period <= calls.size(); ++period) {
    size_t end = period;
    while (end < calls.size() && sameCode(calls[end], calls[end - period])) ++end;
    CallRun run{period, end / period};
    if (run.repeats > 1 && run.size() > best.size()) best = run;
  }
  return best;
}

CallTable::CallTable(Emitter &e, llvm::ArrayRef<PlannedCall> calls, const CallRun &run)
    : e_(e), calls_(calls.take_front(run.size())), column_(run.period) {
  std::vector<std::vector<int64_t>> numbers(run.repeats);
  for (size_t call = 0; call < run.period; ++call)
    for (size_t argument = 0; argument < calls[call].arguments.size(); ++argument) {
      auto at = [&](size_t round) { return calls[round * run.period + call].arguments[argument].number; };
      bool differs = false;
      for (size_t round = 1; round < run.repeats; ++round) differs |= at(round) != at(0);
      column_[call].push_back(differs ? columns_++ : -1);
      for (size_t round = 0; differs && round < run.repeats; ++round) numbers[round].push_back(at(round));
    }
  if (columns_ == 0) return;
  std::vector<int64_t> rows;
  for (const auto &row : numbers) llvm::append_range(rows, row);
  table_ = e.data({reinterpret_cast<const char *>(rows.data()), rows.size() * sizeof(int64_t)});
}

Value CallTable::number(Value round, size_t call, size_t argument) {
  int64_t column = column_[call][argument];
  if (column < 0) return e_.c64(calls_[call].arguments[argument].number);
  return e_.loadI64(e_.gep(e_.gep(table_, e_.mul(round, columns_ * 8)), column * 8));
}

}  // namespace llc::compiler
