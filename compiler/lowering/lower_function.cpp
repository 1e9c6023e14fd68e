#include "compiler/lowering/lower_function.h"

#include <cstddef>

#include "compiler/lowering/call_runs.h"
#include "compiler/memory/overwrites.h"
#include "compiler/memory/plan.h"
#include "dialect/ops/llm.h"

namespace llc::compiler {
namespace {
using namespace mlir;
using kernels::Emitter;
using kernels::Values;

// Blocks take: context, thread, threads, scratch, batch, sync, tokens, rows, claim base, frame, then the memory of each
// tensor or cache argument, then of each result; for profiling also the number of their first stage. They return the
// new claim base.
constexpr unsigned fixedBlockArguments = 10;

// Of the results of a replicated stage: a row program's chunk is no larger.
constexpr int64_t mostReplicaBytes = 64 << 10;

bool hasMemory(Type type) { return isa<RankedTensorType, llm::KvType>(type); }

class FunctionLowering {
 public:
  FunctionLowering(ProgramLowering &program, func::FuncOp source)
      : program_(program), e_(program.emitter), source_(source) {}

  Status lower() {
    OpBuilder::InsertionGuard guard(e_.b);
    e_.b.setInsertionPointToEnd(e_.module.getBody());
    e_.b.setLoc(source_.getLoc());
    if (isBlock(source_))
      beginBlock();
    else
      beginEntry();
    LLC_TRY(results());
    for (Operation &op : source_.front()) {
      e_.b.setLoc(op.getLoc());
      LLC_TRY(lowerOp(&op));
    }
    flush();
    if (isBlock(source_))
      e_.b.create<func::ReturnOp>(team_.claimBase);
    else
      e_.b.create<func::ReturnOp>();
    return success();
  }

 private:
  Value field(size_t offset) { return e_.gep(team_.context, static_cast<int64_t>(offset)); }
  Value pointerField(size_t offset) { return e_.loadPointer(field(offset)); }
  Value element(Value array, int64_t number) { return e_.loadPointer(e_.gep(array, number * 8)); }

  void beginEntry() {
    auto function = e_.b.create<func::FuncOp>(source_.getName(), e_.b.getFunctionType({e_.ptr, e_.i64, e_.i64}, {}));
    e_.b.setInsertionPointToStart(function.addEntryBlock());
    team_.context = function.getArgument(0), team_.thread = function.getArgument(1),
    team_.threads = function.getArgument(2);
    Value stride = e_.loadI64(field(offsetof(llc_context, scratch_stride)));
    team_.scratch = e_.gep(pointerField(offsetof(llc_context, scratch)), e_.mul(team_.thread, stride));
    team_.batch = pointerField(offsetof(llc_context, batch));
    team_.sync = pointerField(offsetof(llc_context, sync));
    Value sizes = pointerField(offsetof(llc_context, sizes));
    team_.tokens = e_.loadI64(e_.gep(sizes, 8 * LLC_DIM_TOKENS));
    team_.rows = e_.loadI64(e_.gep(sizes, 8 * LLC_DIM_ROWS));
    team_.claimBase = e_.c64(0);
    chooseParts(e_, team_);
    if (program_.stages) stageBase_ = e_.c64(program_.stages->begin(source_));
    frame_ = pointerField(offsetof(llc_context, arena));
    // A prepare function reads parameters of the checkpoint where an entry reads the step's inputs.
    Value inputs = pointerField(isPrepare(source_) ? offsetof(llc_context, parameters) : offsetof(llc_context, inputs));
    int64_t number = 0;
    for (BlockArgument argument : source_.getArguments())
      if (isa<RankedTensorType>(argument.getType())) memory_[argument] = element(inputs, number++);
  }

  void beginBlock() {
    llvm::SmallVector<Type> types = {e_.ptr, e_.i64, e_.i64, e_.ptr, e_.ptr, e_.ptr, e_.i64, e_.i64, e_.i64, e_.ptr};
    for (Type type : source_.getArgumentTypes())
      if (hasMemory(type)) types.push_back(e_.ptr);
    for (Type type : source_.getResultTypes())
      if (isa<RankedTensorType>(type)) types.push_back(e_.ptr);
    if (program_.stages) types.push_back(e_.i64);
    auto function = e_.b.create<func::FuncOp>(source_.getName(), e_.b.getFunctionType(types, {e_.i64}));
    function.setPrivate();
    e_.b.setInsertionPointToStart(function.addEntryBlock());
    auto argument = [&](unsigned i) { return function.getArgument(i); };
    team_ = {argument(0), argument(1), argument(2), argument(3), argument(4), argument(5),
             argument(6), argument(7), argument(8), {},          {}};
    chooseParts(e_, team_);
    frame_ = argument(9);
    unsigned next = fixedBlockArguments;
    for (BlockArgument own : source_.getArguments())
      if (hasMemory(own.getType())) memory_[own] = argument(next++);
    for (Type type : source_.getResultTypes())
      if (isa<RankedTensorType>(type)) resultPointers_.push_back(argument(next++));
    if (program_.stages) stageBase_ = argument(next);
  }

  // Results are written in place: the memory of a returned value is where the caller wants it.
  Status results() {
    Value outputs = isBlock(source_) ? Value() : pointerField(offsetof(llc_context, outputs));
    int64_t number = 0;
    for (OpOperand &operand : source_.front().getTerminator()->getOpOperands()) {
      Value value = operand.get();
      if (!isa<RankedTensorType>(value.getType())) continue;
      if (StringAttr parameter = isBlock(source_) ? StringAttr() : updatedParameter(source_, operand.getOperandNumber())) {
        updates_[memoryOf(value)] = parameter;
        continue;
      }
      Value pointer = isBlock(source_) ? resultPointers_[number] : element(outputs, number);
      if (!memory_.try_emplace(memoryOf(value), pointer).second)
        return diagnose(ErrorKind::internal, source_.getName().str())
            .says("returns a value that no stage of it can write in place")
            .toFix("run llm-order-stages before");
      ++number;
    }
    return success();
  }

  Status lowerOp(Operation *op) {
    if (auto call = dyn_cast<func::CallOp>(op)) return lowered_.contains(op) ? success() : lowerCalls(call);
    if (op->hasAttr("llm.barrier")) {
      flush();
      waitBefore();
    }
    switch (stageKind(op)) {
      case StageKind::none:
        return lowerName(op);
      case StageKind::alias:  // see memoryOf
      case StageKind::call:
        return success();
      case StageKind::kernel:
        return addStage(op);
    }
    return success();
  }

  // What only calls need is loaded there. All loads at the entry's beginning would be alive across all calls: compile
  // time would grow with the square of the depth.
  static bool isLoadedByCall(Operation *op) {
    return isa<llm::UseOp, llm::CacheLayerOp>(op) &&
           llvm::all_of(op->getUsers(), [](Operation *user) { return isa<func::CallOp>(user); });
  }
  Status lowerName(Operation *op) { return isLoadedByCall(op) ? success() : loadName(op); }
  Status loadName(Operation *op) {
    if (auto use = dyn_cast<llm::UseOp>(op)) {
      memory_[use.getValue()] = parameterMemory(use.getName());
    } else if (auto cache = dyn_cast<llm::CacheLayerOp>(op)) {
      memory_[cache.getResult()] = element(pointerField(offsetof(llc_context, caches)), cacheNumber(cache));
    } else if (auto lengths = dyn_cast<llm::SequenceLengthsOp>(op)) {
      memory_[lengths.getResult()] =
          e_.loadPointer(e_.gep(team_.batch, int64_t(offsetof(llc_batch, sequence_lengths))));
    } else if (auto constant = dyn_cast<llm::ConstantOp>(op)) {
      return lowerConstant(constant);
    }
    return success();
  }

  int64_t parameterNumber(StringRef name) {
    auto found = program_.layout.parameterNumber.find(name);
    assert(found != program_.layout.parameterNumber.end());
    return found->second;
  }
  int64_t cacheNumber(llm::CacheLayerOp cache) {
    return program_.layout.cacheNumber.at(static_cast<int64_t>(cache.getLayer()));
  }
  Value parameterMemory(StringRef name) {
    return element(pointerField(offsetof(llc_context, parameters)), parameterNumber(name));
  }

  Status lowerConstant(llm::ConstantOp op) {
    auto dense = dyn_cast<DenseElementsAttr>(op.getValue());
    auto element = dense ? dtypeOf(dense.getElementType()) : std::nullopt;
    if (!element || *element == DType::boolean)
      return diagnose(ErrorKind::unsupported, modelName(op))
          .says("a constant of this kind has no code")
          .toFix("use dense<...> of floats or of integers of 8 bits and more");
    std::string bytes;
    auto raw = dense.getRawData();
    for (int64_t i = 0, count = dense.isSplat() ? dense.getNumElements() : 1; i < count; ++i)
      bytes.append(raw.data(), raw.size());
    memory_[op.getResult()] = e_.data(bytes);
    return success();
  }

  // The memory of a stage's result: set already if it is returned, else its place in the frame.
  Value resultMemory(OpResult result) {
    if (isa<llm::KvType>(result.getType())) return memory_[result] = memory_.lookup(memoryOf(result));
    if (auto found = memory_.find(result); found != memory_.end()) return found->second;
    if (StringAttr parameter = updates_.lookup(result)) return memory_[result] = parameterMemory(parameter);
    auto offsets = result.getOwner()->getAttrOfType<DenseI64ArrayAttr>("llm.offset");
    assert(offsets && "llm-plan-memory has run");
    return memory_[result] = e_.gep(frame_, offsets[result.getResultNumber()]);
  }

  // What a call returned gets its pointer here, where a stage reads it.
  Value operandMemory(Value operand) {
    if (Value own = memory_.lookup(operand)) return own;
    Value root = memoryOf(operand);
    if (Value known = memory_.lookup(root)) return known;
    return resultMemory(cast<OpResult>(root));
  }

  // The number of rows of an op, or which one of the step it is: of its first result, else of its operands.
  static int64_t rowCountOf(Operation *op) {
    auto rows = [](Value value) -> std::optional<int64_t> {
      if (!isa<RankedTensorType>(value.getType())) return std::nullopt;
      auto dimension = dynamicDimension(value);
      if (!dimension) return std::nullopt;
      return *dimension == LLC_DIM_ROWS ? KernelUse::wanted : KernelUse::tokens;
    };
    for (Value result : op->getResults())
      if (auto found = rows(result)) return *found;
    if (op->getNumResults() == 0 || !isa<RankedTensorType>(op->getResult(0).getType()))
      for (Value operand : op->getOperands())
        if (auto found = rows(operand)) return *found;
    auto type = op->getNumResults() ? dyn_cast<RankedTensorType>(op->getResult(0).getType()) : RankedTensorType();
    return type && type.getRank() > 0 && type.hasStaticShape() ? type.getDimSize(0) : 1;
  }
  Value rowsOf(Operation *op) {
    int64_t count = rowCountOf(op);
    return count == KernelUse::tokens ? team_.tokens : count == KernelUse::wanted ? team_.rows : e_.c64(count);
  }

  Value chunksOf(const kernels::KernelFunction &kernel, Value rows) {
    if (kernel.rowsPerChunk == 0) return e_.c64(kernel.columnChunks);
    Value chunks = e_.mul(e_.ceilDiv(rows, kernel.rowsPerChunk), kernel.columnChunks);
    if (kernel.fewRows == 0) return chunks;
    Value few = e_.cmp(arith::CmpIPredicate::sle, rows, e_.c64(kernel.fewRows));
    return e_.select(few, e_.c64(kernel.fewRowsChunks), chunks);
  }

  Status addStage(Operation *op) {
    LLC_ASSIGN(KernelChoice choice, chooseKernel(op, {e_, program_.bounds, bf16Rows_}));
    program_.scratchBytes = std::max(program_.scratchBytes, choice.function.scratchBytes);
    program_.uses.push_back(useOf(op, choice));
    bf16Rows_.insert(choice.bf16Rows.begin(), choice.bf16Rows.end());
    Values pointers;
    for (Value operand : choice.operands) pointers.push_back(operandMemory(operand));
    if (op->hasAttr(replicatedAttribute) && fitsReplica(op, choice.function))
      return addReplicated(op, choice, pointers), success();
    for (OpResult result : op->getResults()) {
      Value memory = resultMemory(result);
      if (isa<RankedTensorType>(result.getType())) pointers.push_back(memory);
    }
    Value chunks = chunksOf(choice.function, rowsOf(op, choice));
    if ((choice.split || !choice.preparations.empty()) && !op->hasAttr("llm.frame_offset"))
      return diagnose(ErrorKind::invalidInput, modelName(op))
          .says("has no place for its workspace (llm.frame_offset)")
          .toFix("run llm-plan-memory again: --start-at=fused");
    if (choice.split) chunks = splitStage(op, *choice.split, chunks, pointers);
    if (choice.preparations.empty()) {
      group_.push_back(codeOf(op, choice, pointers, numberOf(op, choice.function), chunks));
    } else {
      addPreparations(op, choice, pointers);
      second_.push_back(codeOf(op, choice, pointers, numberOf(op, choice.function), chunks));
      hasSecond_ = e_.constant(e_.i1, 1);
    }
    return success();
  }

  KernelUse useOf(Operation *op, const KernelChoice &choice) {
    KernelUse use{source_.getName().str(), choice.function.symbol, choice.rows < 0 ? rowCountOf(op) : choice.rows, {}};
    for (const Preparation &preparation : choice.preparations)
      for (kernels::LayoutCopy copy : preparation.function.copies) {
        copy.what = preparation.operand == 0 ? "first factor" : "second factor";
        use.copies.push_back(std::move(copy));
      }
    llvm::append_range(use.copies, choice.function.copies);
    use.storesBf16 = !choice.bf16Rows.empty();
    return use;
  }

  // Profiling: the stage's number in the program's table; null otherwise.
  Value numberOf(Operation *op, const kernels::KernelFunction &kernel) {
    return program_.stages ? stageNumber(program_.stages->addStage(source_, op, kernel.symbol)) : Value();
  }

  Value rowsOf(Operation *op, const KernelChoice &choice) { return choice.rows < 0 ? rowsOf(op) : e_.c64(choice.rows); }

  StageCode codeOf(Operation *op, const KernelChoice &choice, const Values &pointers, Value stage, Value chunks = {}) {
    kernels::KernelFunction kernel = choice.function;
    Value rows = rowsOf(op, choice);
    Location location = op->getLoc();
    return {chunks ? chunks : chunksOf(kernel, rows), [this, kernel, pointers, rows, location, stage](Value chunk) {
              Location before = e_.b.getLoc();
              e_.b.setLoc(location);
              Value begin = stage ? emitTicks(e_) : Value();
              e_.call(kernel, pointers, rows, chunk, team_.scratch, team_.batch);
              if (stage) emitStageEvent(e_, team_, stage, begin);
              e_.b.setLoc(before);
            }};
  }

  // ---- stages that every thread computes for itself when there are few rows
  static int64_t replicaBytes(Value result, const kernels::KernelFunction &kernel) {
    auto type = cast<RankedTensorType>(result.getType());
    int64_t bytes = kernel.rowsPerChunk * static_cast<int64_t>(byteSize(*dtypeOf(type.getElementType())));
    for (int64_t i = 1; i < type.getRank(); ++i) bytes *= type.getDimSize(i);
    return (bytes + placeAlignment - 1) / placeAlignment * placeAlignment;
  }
  static bool fitsReplica(Operation *op, const kernels::KernelFunction &kernel) {
    int64_t bytes = 0;
    for (Value result : op->getResults()) bytes += replicaBytes(result, kernel);
    return kernel.rowsPerChunk > 0 && kernel.columnChunks == 1 && bytes <= mostReplicaBytes;
  }

  // One chunk of rows or less: no claims, the results in this thread's own memory, no barrier behind. Else as always.
  // Replicas lie at the end of the thread's scratch, where no kernel's is; two places in turn, because the next stage
  // may be replicated, too.
  void addReplicated(Operation *op, const KernelChoice &choice, const Values &operands) {
    const kernels::KernelFunction &kernel = choice.function;
    program_.replicaBytes = 2 * mostReplicaBytes;
    Value stride = e_.loadI64(field(offsetof(llc_context, scratch_stride)));
    Value place = e_.gep(e_.gep(team_.scratch, stride), replicaTurn_ ? -mostReplicaBytes : -2 * mostReplicaBytes);
    replicaTurn_ = !replicaTurn_;
    Values own = operands, shared = operands;
    Value few = e_.cmp(arith::CmpIPredicate::sle, rowsOf(op, choice), e_.c64(kernel.rowsPerChunk));
    for (OpResult result : op->getResults()) {
      own.push_back(place), shared.push_back(resultMemory(result));
      memory_[result] = e_.select(few, own.back(), shared.back());
      place = e_.gep(place, replicaBytes(result, kernel));
    }
    Value stage = numberOf(op, kernel);
    auto branch = e_.b.create<scf::IfOp>(TypeRange{e_.i64}, few, true);
    {
      OpBuilder::InsertionGuard guard(e_.b);
      e_.b.setInsertionPointToStart(branch.thenBlock());
      codeOf(op, choice, own, stage).emitChunk(e_.c64(0));
      e_.b.create<scf::YieldOp>(team_.claimBase);
      e_.b.setInsertionPointToStart(branch.elseBlock());
      emitGroup(e_, team_, codeOf(op, choice, shared, stage));
      barrier();
      e_.b.create<scf::YieldOp>(team_.claimBase);
    }
    team_.claimBase = branch.getResult(0);
    barrierDone_ = true;
  }

  // Profiling: the number of a stage in the program's table. It is also the latest one, behind which the next barrier
  // stands.
  Value stageNumber(int64_t inFunction) { return latestStage_ = e_.add(stageBase_, e_.c64(inFunction)); }

  // The barrier before a group or a call, unless it is in the code already.
  void waitBefore() {
    if (!barrierDone_) barrier();
    barrierDone_ = false;
  }
  void barrier() {
    Value begin = latestStage_ ? emitTicks(e_) : Value();
    emitBarrier(e_, team_);
    if (latestStage_) emitWaitEvent(e_, team_, latestStage_, begin);
  }

  // Decides at run time whether the stage is cut along the context: adds the pointer that tells its kernel, puts the
  // stage that merges on the list, and returns the number of chunks.
  Value splitStage(Operation *op, const ContextSplit &split, Value chunks, Values &pointers) {
    program_.scratchBytes = std::max(program_.scratchBytes, split.merge.scratchBytes);
    Value rows = rowsOf(op);
    ContextParts parts = emitContextParts(e_, team_, split.parts, rows, chunks);
    Value workspace = workspaceOf(op);
    pointers.push_back(e_.select(parts.split, workspace, e_.b.create<LLVM::ZeroOp>(e_.ptr)));
    Values operands;
    for (Value operand : split.operands) operands.push_back(operandMemory(operand));
    for (OpResult result : op->getResults()) operands.push_back(memory_.lookup(result));
    operands.push_back(workspace);
    Value mergeChunks = e_.select(parts.split, chunksOf(split.merge, rows), e_.c64(0));
    second_.push_back(codeOf(op, {split.merge, {}}, operands, numberOfSecond(op, split.merge), mergeChunks));
    hasSecond_ = hasSecond_ ? e_.b.create<arith::OrIOp>(hasSecond_, parts.split).getResult() : parts.split;
    return e_.mul(chunks, parts.number);
  }

  // The stages that prepare operands are part of the group; `pointers` become what they make.
  void addPreparations(Operation *op, const KernelChoice &choice, Values &pointers) {
    Value workspace = workspaceOf(op);
    for (const Preparation &preparation : choice.preparations) {
      Value place = e_.gep(workspace, preparation.offset);
      group_.push_back(codeOf(op, {preparation.function, {}}, {pointers[preparation.operand], place},
                              numberOfSecond(op, preparation.function)));
      pointers[preparation.operand] = place;
    }
  }
  Value workspaceOf(Operation *op) {
    return e_.gep(frame_, op->getAttrOfType<IntegerAttr>("llm.frame_offset").getInt());
  }
  // Profiling: of a further stage of the op, as numberOf.
  Value numberOfSecond(Operation *op, const kernels::KernelFunction &kernel) {
    return program_.stages ? stageNumber(program_.stages->addSecondStage(source_, op, kernel.symbol)) : Value();
  }

  void flush() {
    emitGroup(e_, team_, group_);
    group_.clear();
    if (second_.empty()) return;
    emitIf(e_, team_, hasSecond_, [&] {
      barrier();
      emitGroup(e_, team_, second_);
    });
    second_.clear();
    hasSecond_ = {};
  }

  // ---- calls
  // This call and those behind it, up to the next stage: planned as data, so that those that repeat become a loop.
  Status lowerCalls(func::CallOp first) {
    flush();
    std::vector<PlannedCall> planned;
    for (Operation *op = first; op && stageKind(op) != StageKind::kernel; op = op->getNextNode())
      if (auto call = dyn_cast<func::CallOp>(op)) {
        LLC_ASSIGN(PlannedCall next, plan(call));
        planned.push_back(std::move(next));
        lowered_.insert(op);
      }
    if (barrierDone_) planned.front().barrier = barrierDone_ = false;
    for (llvm::ArrayRef<PlannedCall> left = planned; !left.empty();) {
      CallRun run = firstRun(left);
      lowerRun(left, run);
      left = left.drop_front(run.size());
    }
    if (program_.stages) stageNumber(program_.stages->size(source_) - 1);
    return success();
  }

  Result<PlannedCall> plan(func::CallOp call) {
    using Kind = CallArgument::Kind;
    auto place = call->getAttrOfType<IntegerAttr>("llm.frame_offset");
    PlannedCall planned{call, call->hasAttr("llm.barrier"), {{Kind::frame, place ? place.getInt() : 0}}};
    for (Value operand : call.getOperands())
      if (hasMemory(operand.getType())) planned.arguments.push_back(argumentOf(memoryOf(operand)));
    for (OpResult result : call->getResults()) {
      if (!isa<RankedTensorType>(result.getType()))
        return diagnose(ErrorKind::unsupported, modelName(call))
            .says("a block returns a handle")
            .toFix("let blocks return tensors only; caches are passed to every block that needs them");
      planned.arguments.push_back(argumentOf(result));
    }
    if (program_.stages) planned.arguments.push_back({Kind::stage, program_.stages->addCall(source_, call)});
    return planned;
  }

  CallArgument argumentOf(Value root) {
    using Kind = CallArgument::Kind;
    if (auto use = root.getDefiningOp<llm::UseOp>()) return {Kind::parameter, 8 * parameterNumber(use.getName())};
    if (auto cache = root.getDefiningOp<llm::CacheLayerOp>()) return {Kind::cache, 8 * cacheNumber(cache)};
    if (StringAttr parameter = updates_.lookup(root)) return {Kind::parameter, 8 * parameterNumber(parameter)};
    auto result = dyn_cast<OpResult>(root);
    auto offsets = result ? result.getOwner()->getAttrOfType<DenseI64ArrayAttr>("llm.offset") : DenseI64ArrayAttr();
    int64_t offset = offsets ? offsets[result.getResultNumber()] : -1;
    if (offset >= 0) return {Kind::frame, offset};
    return {Kind::value, 0, memory_.lookup(root)};
  }

  void lowerRun(llvm::ArrayRef<PlannedCall> calls, const CallRun &run) {
    CallTable table(e_, calls, run);
    CallArrays arrays{pointerField(offsetof(llc_context, parameters)), pointerField(offsetof(llc_context, caches))};
    auto round = [&](Value number) {
      for (size_t i = 0; i < run.period; ++i)
        lowerCall(calls[i], arrays, [&](size_t argument) { return table.number(number, i, argument); });
    };
    if (run.repeats == 1) return round({});
    team_.claimBase = e_.loop(e_.c64(0), e_.c64(static_cast<int64_t>(run.repeats)), 1, team_.claimBase,
                              [&](Value number, ValueRange claimBase) -> Values {
                                team_.claimBase = claimBase[0];
                                round(number);
                                return {team_.claimBase};
                              })[0];
  }

  struct CallArrays {
    Value parameters, caches;
  };
  Value pointerOf(const CallArgument &argument, const CallArrays &arrays, Value number) {
    switch (argument.kind) {
      case CallArgument::Kind::value:
        return argument.value;
      case CallArgument::Kind::frame:
        return e_.gep(frame_, number);
      case CallArgument::Kind::parameter:
        return e_.loadPointer(e_.gep(arrays.parameters, number));
      case CallArgument::Kind::cache:
        return e_.loadPointer(e_.gep(arrays.caches, number));
      case CallArgument::Kind::stage:
        return e_.add(stageBase_, number);
    }
    return {};
  }
  void lowerCall(const PlannedCall &planned, const CallArrays &arrays, llvm::function_ref<Value(size_t)> number) {
    Values arguments = {team_.context, team_.thread, team_.threads, team_.scratch,  team_.batch,
                        team_.sync,    team_.tokens, team_.rows,    team_.claimBase};
    for (auto [i, argument] : llvm::enumerate(planned.arguments))
      arguments.push_back(pointerOf(argument, arrays, number(i)));
    if (program_.stages) latestStage_ = e_.add(arguments.back(), -1);
    func::CallOp call = planned.call;
    e_.b.setLoc(call.getLoc());
    if (planned.barrier) barrier();
    team_.claimBase = e_.b.create<func::CallOp>(call.getCallee(), TypeRange{e_.i64}, arguments).getResult(0);
  }

  ProgramLowering &program_;
  Emitter &e_;
  func::FuncOp source_;
  TeamValues team_;
  Value frame_;
  llvm::DenseMap<Value, Value> memory_;  // of tensors and caches, by value of the scheduled function
  llvm::DenseSet<Value> bf16Rows_;       // results that are stored as rows of bf16
  llvm::DenseMap<Value, StringAttr> updates_;  // results that are written over a parameter
  Values resultPointers_;
  std::vector<StageCode> group_;
  llvm::DenseSet<Operation *> lowered_;  // calls that are in the code already
  Value stageBase_, latestStage_;  // profiling only
  bool barrierDone_ = false;       // the barrier before the next group is in the code already
  bool replicaTurn_ = false;
  std::vector<StageCode> second_;  // what follows the group, after a barrier, if hasSecond_
  Value hasSecond_;
};
}  // namespace

Status lowerFunction(ProgramLowering &program, func::FuncOp source) {
  return FunctionLowering(program, source).lower();
}

}  // namespace llc::compiler
