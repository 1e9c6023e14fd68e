#include "compiler/transforms/training/Passes.h"
#include "dialect/ops/llm.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"

namespace llc::compiler {
#define GEN_PASS_DEF_COMPOSESTEP
#include "compiler/transforms/training/Passes.h.inc"

namespace {
using namespace mlir;

constexpr const char *stepOf = "llm.step_of", *gradientName = "llm.gradient", *argumentName = "llm.name";

StringAttr argumentAttribute(func::FuncOp function, unsigned place, const char *name) {
  return function.getArgAttrOfType<StringAttr>(place, name);
}

// An entry that is put together from the bodies of others.
class Composer {
 public:
  Composer(func::FuncOp before, StringRef name) : builder_(before) {
    function_ = builder_.create<func::FuncOp>(NameLoc::get(builder_.getStringAttr(name)), name,
                                              builder_.getFunctionType({}, {}));
    builder_.setInsertionPointToStart(function_.addEntryBlock());
  }

  OpBuilder &builder() { return builder_; }
  Value use(StringAttr parameter, Type type) {
    return builder_.create<llm::UseOp>(NameLoc::get(parameter), type, FlatSymbolRefAttr::get(parameter));
  }
  Value argument(unsigned place) { return function_.front().getArgument(place); }
  Value addArgument(Type type, Location location, ArrayRef<NamedAttribute> attributes) {
    arguments_.push_back(builder_.getDictionaryAttr(attributes));
    return function_.front().addArgument(type, location);
  }
  // The body of `source` on `given` arguments; those that are null become arguments of the new entry.
  SmallVector<Value> inlined(func::FuncOp source, ArrayRef<Value> given) {
    IRMapping mapping;
    for (BlockArgument argument : source.getArguments()) {
      Value value = given.empty() ? Value() : given[argument.getArgNumber()];
      if (!value) {
        DictionaryAttr attributes = source.getArgAttrDict(argument.getArgNumber());
        value = addArgument(argument.getType(), argument.getLoc(),
                            attributes ? attributes.getValue() : ArrayRef<NamedAttribute>());
      }
      mapping.map(argument, value);
    }
    for (Operation &op : source.front().without_terminator()) builder_.clone(op, mapping);
    SmallVector<Value> results;
    for (Value value : source.front().getTerminator()->getOperands()) results.push_back(mapping.lookup(value));
    return results;
  }
  void returns(Value value, DictionaryAttr attributes) {
    results_.push_back(value);
    resultAttributes_.push_back(attributes ? attributes : builder_.getDictionaryAttr({}));
  }
  void finish() {
    builder_.create<func::ReturnOp>(function_.getLoc(), results_);
    function_.setType(builder_.getFunctionType(function_.front().getArgumentTypes(), ValueRange(results_).getTypes()));
    function_.setAllArgAttrs(arguments_);
    function_.setAllResultAttrs(resultAttributes_);
  }

 private:
  OpBuilder builder_;
  func::FuncOp function_;
  SmallVector<Value> results_;
  SmallVector<DictionaryAttr> resultAttributes_, arguments_;
};

class Step {
 public:
  Step(func::FuncOp rule, func::FuncOp gradients) : rule_(rule), gradients_(gradients) {
    for (unsigned i = 0; i < gradients.getNumResults(); ++i)
      if (auto name = gradients.getResultAttrOfType<StringAttr>(i, gradientName)) places_[name] = i;
  }

  LogicalResult compose() {
    for (unsigned i = 0; i < rule_.getNumArguments(); ++i) {
      StringAttr name = argumentAttribute(rule_, i, gradientName);
      if (name && !places_.contains(name))
        return rule_.emitError("asks for the gradient of ")
               << name << ", which the loss does not depend on; to fix: freeze that parameter";
    }
    if (rule_->hasAttr("llm.accumulate")) {
      accumulate();
      apply();
    } else {
      together();
    }
    rule_.erase();
    gradients_.erase();
    return mlir::success();
  }

 private:
  bool isGradient(unsigned result) { return bool(gradients_.getResultAttr(result, gradientName)); }

  void together() {
    Composer step(rule_, "train_step");
    SmallVector<Value> known = step.inlined(gradients_, {}), given(rule_.getNumArguments());
    for (unsigned i = 0; i < given.size(); ++i) {
      if (StringAttr name = argumentAttribute(rule_, i, gradientName)) given[i] = known[places_.lookup(name)];
      StringAttr name = argumentAttribute(rule_, i, argumentName);
      if (!name) continue;
      // What both take is one argument.
      for (unsigned k = 0; k < gradients_.getNumArguments(); ++k)
        if (argumentAttribute(gradients_, k, argumentName) == name) given[i] = step.argument(k);
      if (name == "loss") given[i] = known[0];
    }
    returnLoss(step, known);
    returnUpdates(step, step.inlined(rule_, given));
    step.finish();
  }

  void returnLoss(Composer &step, ArrayRef<Value> known) {
    for (unsigned i = 0; i < known.size(); ++i)
      if (!isGradient(i)) step.returns(known[i], gradients_.getResultAttrDict(i));
  }
  void returnUpdates(Composer &step, ArrayRef<Value> results) {
    for (auto [i, value] : llvm::enumerate(results)) step.returns(value, rule_.getResultAttrDict(i));
  }

  StringAttr kept(StringAttr parameter) {
    return StringAttr::get(parameter.getContext(), "gradient/" + parameter.getValue());
  }

  void accumulate() {
    Composer step(rule_, "accumulate");
    OpBuilder &b = step.builder();
    SmallVector<Value> known = step.inlined(gradients_, {});
    Value keep = step.addArgument(RankedTensorType::get({1}, b.getF32Type()), rule_.getLoc(),
                                  b.getNamedAttr(argumentName, b.getStringAttr("keep")));
    returnLoss(step, known);
    for (unsigned i = 0; i < rule_.getNumArguments(); ++i) {
      StringAttr name = argumentAttribute(rule_, i, gradientName);
      if (!name) continue;
      Value gradient = known[places_.lookup(name)];
      declare(kept(name), gradient.getType());
      step.returns(sum(b, step.use(kept(name), gradient.getType()), gradient, keep, NameLoc::get(name)),
                   b.getDictionaryAttr(b.getNamedAttr(updatesAttribute, kept(name))));
    }
    step.finish();
  }

  // What is kept (nothing where `keep` is 0, whatever stands there) + gradient.
  static Value sum(OpBuilder &builder, Value before, Value gradient, Value keep, Location location) {
    auto type = cast<RankedTensorType>(gradient.getType());
    std::string letters;
    for (int64_t i = 0; i < type.getRank(); ++i) letters += static_cast<char>('a' + i);
    return builder.create<llm::GenericOp>(location, type, ValueRange{before, gradient, keep},
                                          builder.getStringAttr(letters + "," + letters + ",1->" + letters),
                                          builder.getStringAttr("select(c,a,0)+b"), builder.getStringAttr(""));
  }

  void declare(StringAttr parameter, Type type) {
    auto module = rule_->getParentOfType<ModuleOp>();
    OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
    builder.create<llm::ParameterOp>(NameLoc::get(parameter), parameter, TypeAttr::get(type));
  }

  void apply() {
    Composer step(rule_, "apply");
    SmallVector<Value> given(rule_.getNumArguments());
    for (unsigned i = 0; i < given.size(); ++i)
      if (StringAttr name = argumentAttribute(rule_, i, gradientName))
        given[i] = step.use(kept(name), rule_.getArgument(i).getType());
    returnUpdates(step, step.inlined(rule_, given));
    step.finish();
  }

  func::FuncOp rule_, gradients_;
  llvm::DenseMap<StringAttr, unsigned> places_;  // of gradients among the results
};

struct ComposeStep final : impl::ComposeStepBase<ComposeStep> {
  void runOnOperation() override {
    SmallVector<func::FuncOp> rules;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function->hasAttr(stepOf)) rules.push_back(function);
    for (func::FuncOp rule : rules) {
      auto loss = rule->getAttrOfType<StringAttr>(stepOf);
      auto gradients = loss ? getOperation().lookupSymbol<func::FuncOp>(loss.str() + "_and_gradients") : func::FuncOp();
      if (!gradients) {
        rule.emitError(
            "is marked llm.step_of, but there are no gradients of that function; "
            "to fix: name a function that is marked llm.differentiate");
        return signalPassFailure();
      }
      if (failed(Step(rule, gradients).compose())) return signalPassFailure();
    }
  }
};
}  // namespace
}  // namespace llc::compiler
