#include "compiler/jit/object.h"

#include <mutex>

#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"

namespace llc {
namespace {

void initializeLlvm() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
  });
}

Error internal(std::string_view what) {
  return diagnose(ErrorKind::internal, "code generation")
      .says(what)
      .toFix("please report this with the command that led here");
}

Result<std::unique_ptr<llvm::TargetMachine>> makeMachine(const Target &target, bool readable) {
  initializeLlvm();
  std::string problem;
  const llvm::Target *found = llvm::TargetRegistry::lookupTarget(target.triple, problem);
  if (!found) return internal(problem);
  llvm::TargetOptions options;
  options.MCOptions.AsmVerbose = readable;
  std::unique_ptr<llvm::TargetMachine> machine(found->createTargetMachine(target.triple, target.cpu, target.features,
                                                                          options, llvm::Reloc::PIC_, std::nullopt,
                                                                          llvm::CodeGenOptLevel::Default));
  if (!machine) return internal("no code generator for " + target.cpu);
  return std::move(machine);
}

// The code comes vectorised and unrolled from the generators. LLVM's default pipeline would spend ten times as long to
// produce the same assembly (its SLP vectoriser and load elimination are slow on long straight-line code).
void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::PassBuilder builder(&machine);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graph;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graph, modules);
  llvm::ModulePassManager passes;
  llvm::cantFail(builder.parsePassPipeline(passes,
                                           "function(sroa,early-cse<memssa>,instcombine<no-verify-fixpoint>,"
                                           "simplifycfg,loop-mssa(licm),loop(indvars),gvn,adce)"));
  passes.run(module, modules);
}

void describeFunctions(llvm::Module &module, const Target &target, const std::string &suffix) {
  for (llvm::Function &function : module) {
    if (function.isDeclaration()) continue;
    function.addFnAttr("target-cpu", target.cpu);
    function.addFnAttr("tune-cpu", target.tune);
    if (!target.features.empty()) function.addFnAttr("target-features", target.features);
    function.addFnAttr("prefer-vector-width", std::to_string(target.lanes * 32));
    function.addFnAttr("frame-pointer", "none");
    function.addFnAttr(llvm::Attribute::NoUnwind);
    if (!suffix.empty() && !function.hasLocalLinkage()) function.setName(function.getName() + suffix);
  }
}

Result<std::vector<char>> emitFile(llvm::Module &module, llvm::TargetMachine &machine, llvm::CodeGenFileType type) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, type)) return internal("LLVM can't write this kind of file");
  passes.run(module);
  return std::vector<char>(bytes.begin(), bytes.end());
}

}  // namespace

void registerCodeDialects(mlir::DialectRegistry &registry) {
  registry.insert<mlir::func::FuncDialect, mlir::arith::ArithDialect, mlir::scf::SCFDialect,
                  mlir::cf::ControlFlowDialect, mlir::vector::VectorDialect, mlir::LLVM::LLVMDialect>();
  mlir::registerBuiltinDialectTranslation(registry);
  mlir::registerLLVMDialectTranslation(registry);
}

Status lowerToLlvm(mlir::ModuleOp module) {
  mlir::PassManager passes(module.getContext());
#ifdef NDEBUG
  passes.enableVerifier(false);
#endif
  passes.addPass(mlir::createCanonicalizerPass());
  passes.addPass(mlir::createCSEPass());
  passes.addPass(mlir::createConvertVectorToLLVMPass());
  passes.addPass(mlir::createConvertSCFToCFPass());
  mlir::ConvertFuncToLLVMPassOptions functions;
  functions.useBarePtrCallConv = true;
  passes.addPass(mlir::createConvertFuncToLLVMPass(functions));
  passes.addPass(mlir::createArithToLLVMConversionPass());
  passes.addPass(mlir::createConvertControlFlowToLLVMPass());
  passes.addPass(mlir::createReconcileUnrealizedCastsPass());
  if (mlir::failed(passes.run(module))) return internal("lowering to the llvm dialect failed");
  return success();
}

// The context goes last: the module belongs to it.
struct TranslatedModule::State {
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::TargetMachine> machine;
  std::unique_ptr<llvm::Module> module;
  ObjectOptions options;
};
TranslatedModule::TranslatedModule(std::unique_ptr<State> state) : state_(std::move(state)) {}
TranslatedModule::TranslatedModule(TranslatedModule &&) noexcept = default;
TranslatedModule &TranslatedModule::operator=(TranslatedModule &&) noexcept = default;
TranslatedModule::~TranslatedModule() = default;

Result<TranslatedModule> TranslatedModule::translate(mlir::ModuleOp module, const Target &target,
                                                     const ObjectOptions &options) {
  auto state = std::make_unique<State>();
  state->options = options;
  LLC_ASSIGN(state->machine, makeMachine(target, options.assembly != nullptr));
  state->context = std::make_unique<llvm::LLVMContext>();
  state->module = mlir::translateModuleToLLVMIR(module, *state->context);
  if (!state->module) return internal("translation to LLVM IR failed");
  state->module->setDataLayout(state->machine->createDataLayout());
  state->module->setTargetTriple(target.triple);
  describeFunctions(*state->module, target, options.symbolSuffix);
  return TranslatedModule(std::move(state));
}

Result<std::vector<char>> TranslatedModule::emit() {
  const ObjectOptions &options = state_->options;
  llvm::Module &module = *state_->module;
  std::string problem;
  llvm::raw_string_ostream stream(problem);
  if (options.verify && llvm::verifyModule(module, &stream)) return internal(problem);
  optimize(module, *state_->machine);
  if (options.llvmIr) {
    llvm::raw_string_ostream text(*options.llvmIr);
    module.print(text, nullptr);
  }
  return emitFile(module, *state_->machine,
                  options.assembly ? llvm::CodeGenFileType::AssemblyFile : llvm::CodeGenFileType::ObjectFile);
}

Result<std::vector<char>> emitObject(mlir::ModuleOp module, const Target &target, const ObjectOptions &options) {
  LLC_ASSIGN(TranslatedModule translated, TranslatedModule::translate(module, target, options));
  LLC_ASSIGN(std::vector<char> bytes, translated.emit());
  if (!options.assembly) return std::move(bytes);
  // Code generation changes the module, so the object comes from a second one.
  options.assembly->assign(bytes.begin(), bytes.end());
  ObjectOptions silent = options;
  silent.assembly = silent.llvmIr = nullptr;
  return emitObject(module, target, silent);
}

// ---- objects in this process
struct LoadedObject::State {
  std::unique_ptr<llvm::orc::LLJIT> jit;
};
LoadedObject::LoadedObject(std::unique_ptr<State> state) : state_(std::move(state)) {}
LoadedObject::LoadedObject(LoadedObject &&) noexcept = default;
LoadedObject &LoadedObject::operator=(LoadedObject &&) noexcept = default;
LoadedObject::~LoadedObject() = default;

Result<LoadedObject> LoadedObject::load(std::vector<char> object, const std::string &name) {
  initializeLlvm();
  llvm::orc::LLJITBuilder builder;
  builder.setJITTargetMachineBuilder(
      llvm::orc::JITTargetMachineBuilder(llvm::Triple(targetOf(hostCpu().level).triple)));
  auto jit = builder.create();
  if (!jit) return internal(llvm::toString(jit.takeError()));
  llvm::StringRef bytes(object.data(), object.size());
  if (auto error = (*jit)->addObjectFile(llvm::MemoryBuffer::getMemBufferCopy(bytes, name)))
    return internal(llvm::toString(std::move(error)));
  auto state = std::make_unique<State>();
  state->jit = std::move(*jit);
  return LoadedObject(std::move(state));
}

Result<void *> LoadedObject::find(const std::string &symbol) const {
  auto address = state_->jit->lookup(symbol);
  if (!address) return internal(llvm::toString(address.takeError()));
  return address->toPtr<void *>();
}

}  // namespace llc
