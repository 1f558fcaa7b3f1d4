//===- KernelsToDevice.cpp - Each kernel a function of one thread -----------------------------===//
//
//   func @train() { %a = dl.kernel ... {launch = {...}, symbol = "kernel_0"}; ... }
// becomes
//   func @kernel_0.body(frame, rows, block, resident state, tensor maps, pointers of tensors)
//                                                                         what one thread does
//   func @kernel_0(frame, rows, pointers, tensor maps)                    the same as a launch
//
// Which launches make up a function, the manifest says: it has been written before.
// A function for @train that goes from step to step on the device stands beside them:
// TrainingLoop.h.
//
//===------------------------------------------------------------------------------------------===//
#include "Alike.h"
#include "GpuEmitter.h"
#include "LoopCost.h"
#include "LoopPlan.h"
#include "ProductTiles.h"
#include "TrainingLoop.h"
#include "WgmmaPlan.h"
#include "dlc/Conversion/Passes.h"
#include "dlc/IR/Forms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace dlc {
#define GEN_PASS_DEF_PLANLAUNCHESPASS
#define GEN_PASS_DEF_CONVERTKERNELSTODEVICEPASS
#include "dlc/Conversion/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

namespace {
struct PlanLaunchesPass : dlc::impl::PlanLaunchesPassBase<PlanLaunchesPass> {
  using PlanLaunchesPassBase::PlanLaunchesPassBase;

  void runOnOperation() override {
    OpBuilder b(&getContext());
    // What is multiplied in 16 bits has been converted to them: its type says so.
    auto format = products == "tf32" ? ProductFormat::TF32 : ProductFormat::Exact;
    if (earlyLaunches)
      getOperation()->setAttr("dl.early_launches", b.getUnitAttr());
    SmallVector<KernelOp> known;
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      auto batch = function->getAttrOfType<IntegerAttr>("dl.batch");
      for (auto kernel : function.getOps<KernelOp>()) {
        Launch launch = plan(kernel, batch ? batch.getInt() : 1, format);
        kernel->setAttr("launch", toAttribute(launch, &getContext()));
        if (launch.warpgroups)
          kernel->setAttr("tensor_maps", describeTensorMaps(kernel, launch.tile));
        if (loop != "graph" && function.getName() == "train")
          planResidentState(kernel);
        // A function is made for a grid: the batch that it is for may differ as well.
        auto same = llvm::find_if(known, [&](KernelOp other) {
          return areAlike(other, kernel) && other->getAttr("launch") == kernel->getAttr("launch") &&
                 other->getAttr("resident") == kernel->getAttr("resident");
        });
        kernel->setAttr("symbol",
                        b.getStringAttr("kernel_" + std::to_string(same - known.begin())));
        if (same == known.end())
          known.push_back(kernel);
      }
    }
    bool measures = getOperation()->hasAttr("dl.candidate"); // single kernels
    auto train = getOperation().lookupSymbol<func::FuncOp>("train");
    if (train && !measures)
      chooseLoop(train);
  }

  /// Takes the loop that is asked for or has the better estimate. `dl.loop` says what these are.
  void chooseLoop(func::FuncOp train) {
    OpBuilder b(&getContext());
    NamedAttrList list;
    double graph = costOfGraph(train, earlyLaunches);
    list.append("graph_us", b.getF64FloatAttr(graph));
    list.append("asked", b.getStringAttr(loop));
    if (loop == "persistent" || (loop == "auto" && canStay(train))) {
      LoopSchedule schedule = scheduleLoop(train);
      double staying = costOfStaying(train, schedule);
      list.append("persistent_us", b.getF64FloatAttr(staying));
      if (loop == "persistent" || staying < graph) {
        getOperation()->setAttr("dl.persistent", b.getUnitAttr());
        planLoop(train, schedule);
      }
    }
    getOperation()->setAttr("dl.loop", list.getDictionary(&getContext()));
  }

  Launch plan(KernelOp kernel, int64_t batch, ProductFormat format) {
    if (kernel.getKind() != "contract")
      return chooseLaunch(kernel, batch);
    // One kernel of all steps has no parameters of single ones, where tensor maps would be.
    bool hasWarpgroups = device == "sm_90a" || device == "emulator";
    SmallVector<Launch> launches;
    if (hasWarpgroups && loop != "persistent")
      launches = launchesOfWgmma(kernel, batch);
    DotOp dot = *kernel.getBody().front().getOps<DotOp>().begin();
    bool wide = needsWideIndices(kernel, batch);
    for (Launch &launch : launchesOfProduct(dot, batch, format, /*copies=*/device != "sm_75")) {
      launch.wide = wide;
      launches.push_back(launch);
    }
    return chooseTile(kernel, batch, format, launches);
  }
};

struct ConvertKernelsToDevicePass
    : dlc::impl::ConvertKernelsToDevicePassBase<ConvertKernelsToDevicePass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<func::FuncOp> functions(module.getOps<func::FuncOp>());
    for (func::FuncOp function : functions) {
      if (failed(verifyPlanned(function)))
        return signalPassFailure();
      for (auto kernel : function.getOps<KernelOp>())
        if (failed(convert(kernel, function)))
          return signalPassFailure();
    }
    if (auto train = module.lookupSymbol<func::FuncOp>("train")) {
      makeAdvance(train);
      if (module->hasAttr("dl.persistent"))
        makeTrainingLoop(train);
    }
    for (func::FuncOp function : functions)
      function.erase();
    for (Operation &op : llvm::make_early_inc_range(*module.getBody()))
      if (isa<VariableOp, FieldOp>(op))
        op.erase();
  }

  LogicalResult convert(KernelOp kernel, func::FuncOp before) {
    auto symbol = kernel->getAttrOfType<StringAttr>("symbol");
    if (!symbol || !kernel->hasAttr("launch"))
      return kernel.emitError("no launch has been planned for this kernel");
    if (getOperation().lookupSymbol(symbol))
      return success();
    OpBuilder b(before);
    Type pointer = LLVM::LLVMPointerType::get(&getContext());
    Launch plan = launchOf(kernel);
    size_t pointers = kernel.getInputs().size() + kernel.getNumResults(),
           maps = plan.warpgroups ? 2 : 0;
    SmallVector<Type> arguments{pointer, b.getI64Type(), b.getI64Type()}, resident;
    if (kernel->hasAttr("resident"))
      resident = {b.getI64Type(), b.getI1Type(), b.getI1Type()};
    llvm::append_range(arguments, resident);
    arguments.append(maps + pointers, pointer);
    auto body = makeInternal(b, kernel.getLoc(), bodyName(kernel), arguments);
    if (failed(GpuEmitter(body, kernel).emit()))
      return failure();
    arguments.erase(arguments.begin() + 2, arguments.begin() + 3 + resident.size());
    auto launch = func::FuncOp::create(b, kernel.getLoc(), symbol.getValue(),
                                       b.getFunctionType(arguments, {}));
    launch->setAttr("dl.threads", b.getI64IntegerAttr(plan.threads));
    // Blocks of warpgroups stay for several tiles, one on a multiprocessor.
    if (plan.blocks > kEnoughBlocks && !plan.warpgroups)
      launch->setAttr("dl.share_multiprocessor", b.getUnitAttr());
    if (maps)
      launch->setAttr("dl.tensor_maps", b.getI64IntegerAttr(maps));
    // Loads of neighbours become those of vectors.
    SmallVector<Value> tensors(kernel.getInputs());
    llvm::append_range(tensors, kernel.getResults());
    for (auto [n, tensor] : llvm::enumerate(tensors)) {
      auto align = b.getI64IntegerAttr(alignmentOf(tensor));
      body.setArgAttr(n + 3 + resident.size() + maps, "llvm.align", align);
      launch.setArgAttr(n + 2, "llvm.align", align);
    }
    ImplicitLocOpBuilder inner(kernel.getLoc(), &getContext());
    inner.setInsertionPointToStart(launch.addEntryBlock());
    waitForKernelBefore(inner, getOperation());
    ValueRange given(launch.getArguments());
    SmallVector<Value> values(given.take_front(2));
    values.push_back(gridNumber(inner, "ctaid.x"));
    for (Type type : resident) // it stays nowhere
      values.push_back(arith::ConstantOp::create(inner, inner.getIntegerAttr(type, -1)));
    llvm::append_range(values, given.take_back(maps));
    llvm::append_range(values, given.slice(2, pointers));
    func::CallOp::create(inner, body, values);
    func::ReturnOp::create(inner);
    return success();
  }
};
} // namespace
