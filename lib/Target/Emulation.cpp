//===- Emulation.cpp --------------------------------------------------------------------------===//
#include "Emulation.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/ReplaceConstant.h"
#include "llvm/Support/Regex.h"

using namespace llvm;

/// The emulator's functions take what the intrinsics take.
static StringRef emulationOf(StringRef intrinsic) {
  static constexpr std::pair<StringLiteral, StringLiteral> table[] = {
      {"llvm.nvvm.read.ptx.sreg.tid.x", "emu_tid_x"},
      {"llvm.nvvm.read.ptx.sreg.ntid.x", "emu_ntid_x"},
      {"llvm.nvvm.read.ptx.sreg.ctaid.x", "emu_ctaid_x"},
      {"llvm.nvvm.read.ptx.sreg.nctaid.x", "emu_nctaid_x"},
      {"llvm.nvvm.read.ptx.sreg.laneid", "emu_laneid"},
      {"llvm.nvvm.barrier.cta.sync.aligned.all", "emu_barrier"},
      {"llvm.nvvm.shfl.sync.bfly.i32", "emu_shfl_bfly_i32"},
      {"llvm.nvvm.vote.ballot.sync", "emu_ballot"},
      {"llvm.nvvm.nanosleep", "emu_nanosleep"},
      {"llvm.nvvm.cp.async.commit.group", "emu_cp_async_commit"},
      {"llvm.nvvm.cp.async.wait.group", "emu_cp_async_wait"},
      {"llvm.nvvm.mbarrier.init.shared", "emu_mbarrier_init"},
      {"llvm.nvvm.mbarrier.arrive.shared", "emu_mbarrier_arrive"},
      {"llvm.nvvm.mbarrier.arrive.expect.tx.scope.cta.space.cta", "emu_mbarrier_arrive_expect"},
      {"llvm.nvvm.mbarrier.try.wait.parity.scope.cta.space.cta", "emu_mbarrier_try_wait"},
      {"llvm.nvvm.fence.mbarrier_init.release.cluster", "emu_fence_mbarrier_init"},
      {"llvm.nvvm.fence.proxy.async.shared_cta", "emu_fence_proxy_async"},
      {"llvm.nvvm.cp.async.bulk.tensor.g2s.tile.3d", "emu_tma_load_3d"},
      {"llvm.nvvm.wgmma.fence.sync.aligned", "emu_wgmma_fence"},
      {"llvm.nvvm.wgmma.commit_group.sync.aligned", "emu_wgmma_commit"},
      {"llvm.nvvm.setmaxnreg.dec.sync.aligned.u32", "emu_setmaxnreg_dec"},
      {"llvm.nvvm.setmaxnreg.inc.sync.aligned.u32", "emu_setmaxnreg_inc"},
      {"llvm.nvvm.griddepcontrol.wait", "emu_grid_dependency_wait"},
      {"llvm.nvvm.griddepcontrol.launch.dependents", "emu_grid_dependency_launch"},
  };
  for (auto [name, emulation] : table)
    if (intrinsic == name)
      return emulation;
  return {};
}

/// A product of fragments takes and gives a structure: four words of a, two of b, four sums.
static void emulateProduct(Function &intrinsic, StringRef emulation) {
  Module &code = *intrinsic.getParent();
  LLVMContext &context = code.getContext();
  FunctionCallee function = code.getOrInsertFunction(emulation, Type::getVoidTy(context),
                                                     PointerType::getUnqual(context));
  for (User *user : make_early_inc_range(intrinsic.users())) {
    auto *call = cast<CallInst>(user);
    SmallVector<Type *> types;
    for (Value *argument : call->args())
      types.push_back(argument->getType());
    auto *fragments = StructType::get(context, types);
    IRBuilder<> b(&*call->getFunction()->getEntryBlock().getFirstInsertionPt());
    Value *memory = b.CreateAlloca(fragments);
    b.SetInsertPoint(call);
    for (auto [n, argument] : enumerate(call->args()))
      b.CreateStore(argument, b.CreateStructGEP(fragments, memory, n));
    b.CreateCall(function, memory);
    Value *result = PoisonValue::get(call->getType());
    for (unsigned n = 0; n < 4; ++n) {
      Value *sum = b.CreateLoad(types[6 + n], b.CreateStructGEP(fragments, memory, 6 + n));
      result = b.CreateInsertValue(result, sum, n);
    }
    call->replaceAllUsesWith(result);
    call->eraseFromParent();
  }
}

/// The emulation writes four words to memory, and is told how many matrices and whether to
/// transpose them.
static void emulateMatrixLoad(CallInst &call, bool transposed) {
  Module &code = *call.getModule();
  IRBuilder<> b(&*call.getFunction()->getEntryBlock().getFirstInsertionPt());
  Value *memory = b.CreateAlloca(call.getType());
  b.SetInsertPoint(&call);
  Value *row = b.CreateAddrSpaceCast(call.getArgOperand(0), b.getPtrTy());
  FunctionCallee function = code.getOrInsertFunction("emu_ldmatrix", b.getVoidTy(), b.getPtrTy(),
                                                     b.getPtrTy(), b.getInt32Ty(), b.getInt32Ty());
  b.CreateCall(function, {memory, row, b.getInt32(4), b.getInt32(transposed)});
  call.replaceAllUsesWith(b.CreateLoad(call.getType(), memory));
}

/// The emulation is told the size, and how much of it the source has.
static void emulateCopy(CallInst &call, int bytes) {
  IRBuilder<> b(&call);
  Value *to = b.CreateAddrSpaceCast(call.getArgOperand(0), b.getPtrTy());
  Value *from = b.CreateAddrSpaceCast(call.getArgOperand(1), b.getPtrTy());
  Value *size = b.getInt32(bytes);
  Value *sourceSize = call.arg_size() == 3 ? call.getArgOperand(2) : size;
  FunctionCallee function = call.getModule()->getOrInsertFunction(
      "emu_cp_async", b.getVoidTy(), b.getPtrTy(), b.getPtrTy(), b.getInt32Ty(), b.getInt32Ty());
  b.CreateCall(function, {to, from, size, sourceSize});
}

/// To tf32, as the bits of an f32: 10 bits behind the point, ties away from 0.
static void emulateTF32(CallInst &call) {
  IRBuilder<> b(&call);
  Value *value = call.getArgOperand(0), *bits = b.CreateBitCast(value, b.getInt32Ty());
  Value *rounded = b.CreateAnd(b.CreateAdd(bits, b.getInt32(0x1000)), b.getInt32(~0x1fff));
  call.replaceAllUsesWith(b.CreateSelect(b.CreateFCmpUNO(value, value), bits, rounded));
}

/// Emulates calls that take more than one of another function; false for any other.
static bool emulateSpecially(CallInst &call) {
  StringRef name = call.getCalledFunction()->getName();
  if (name.consume_front("llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.")) {
    emulateMatrixLoad(call, name.starts_with("trans."));
  } else if (name.consume_front("llvm.nvvm.cp.async.c") &&
             (name.consume_front("a.shared.global.") || name.consume_front("g.shared.global."))) {
    int bytes = 0;
    name.consumeInteger(10, bytes);
    emulateCopy(call, bytes);
  } else if (name == "llvm.nvvm.f2tf32.rna") {
    emulateTF32(call);
  } else {
    return false;
  }
  call.eraseFromParent();
  return true;
}

static Error emulateIntrinsics(Module &code) {
  static constexpr std::pair<StringLiteral, StringLiteral> products[] = {
      {"llvm.nvvm.mma.m16n8k8.row.col.tf32", "emu_mma_m16n8k8_tf32"},
      {"llvm.nvvm.mma.m16n8k16.row.col.bf16", "emu_mma_m16n8k16_bf16"},
      {"llvm.nvvm.mma.m16n8k16.row.col.f32.f32", "emu_mma_m16n8k16_f16"}};
  for (auto [name, emulation] : products)
    if (Function *function = code.getFunction(name)) {
      emulateProduct(*function, emulation);
      function->eraseFromParent();
    }
  for (Function &function : make_early_inc_range(code)) {
    if (!function.isDeclaration() || !function.getName().starts_with("llvm.nvvm."))
      continue;
    for (User *user : make_early_inc_range(function.users()))
      emulateSpecially(*cast<CallInst>(user));
    if (function.use_empty()) {
      function.eraseFromParent();
      continue;
    }
    StringRef name = emulationOf(function.getName());
    if (name.empty())
      return createStringError(inconvertibleErrorCode(),
                               "the emulator has nothing for '" + function.getName() + "'");
    // The emulation may do anything: none of the intrinsic's promises holds for it.
    FunctionCallee emulation = code.getOrInsertFunction(name, function.getFunctionType());
    for (User *user : make_early_inc_range(function.users())) {
      auto *call = cast<CallInst>(user);
      SmallVector<Value *> arguments(call->args());
      auto *replacement = CallInst::Create(emulation, arguments, "", call->getIterator());
      call->replaceAllUsesWith(replacement);
      call->eraseFromParent();
    }
    function.eraseFromParent();
  }
  return Error::success();
}

/// What the emulator calls in place of an instruction on sums, with numbers that its text has.
static Expected<CallInst *> emulateOnSums(IRBuilder<> &b, CallInst &call, Value *sums,
                                          unsigned count) {
  StringRef text = cast<InlineAsm>(call.getCalledOperand())->getAsmString();
  Module &code = *call.getModule();
  auto emulation = [&](StringRef name, ArrayRef<Value *> arguments) {
    SmallVector<Type *> types;
    for (Value *argument : arguments)
      types.push_back(argument->getType());
    auto *type = FunctionType::get(b.getVoidTy(), types, /*isVarArg=*/false);
    return b.CreateCall(code.getOrInsertFunction(name, type), arguments);
  };
  SmallVector<StringRef> parts;
  if (Regex("^wgmma\\.mma_async\\.sync\\.aligned\\.m64n([0-9]+)k16\\.f32\\.(bf16|f16)\\.(bf16|f16) "
            "\\{.*\\}, .*, 1, 1, 1, ([01]), ([01]);$")
          .match(text, &parts)) {
    auto number = [&](unsigned part) {
      unsigned value = 0;
      parts[part].getAsInteger(10, value);
      return b.getInt32(value);
    };
    return emulation("emu_wgmma", {sums, call.getArgOperand(0), call.getArgOperand(1), number(1),
                                   b.getInt32(parts[2] == "f16"), number(4), number(5)});
  }
  if (Regex("^wgmma\\.wait_group\\.sync\\.aligned ([01]);$").match(text, &parts))
    return emulation("emu_wgmma_wait",
                     {sums, b.getInt32(count), b.getInt32(parts[1] == "1" ? 1 : 0)});
  return createStringError(inconvertibleErrorCode(), "the emulator has nothing for '" + text + "'");
}

/// Instructions that have no intrinsic work on sums: they give what their last operands were
/// before. In memory here.
static Error emulateInstructions(Function &function) {
  AllocaInst *memory = nullptr;
  for (Instruction &instruction : make_early_inc_range(instructions(function))) {
    auto *call = dyn_cast<CallInst>(&instruction);
    if (!call || !call->isInlineAsm())
      continue;
    auto *type = cast<StructType>(call->getType());
    unsigned count = type->getNumElements(), first = call->arg_size() - count;
    IRBuilder<> b(&*function.getEntryBlock().getFirstInsertionPt());
    if (!memory || memory->getAllocatedType() != type)
      memory = b.CreateAlloca(type);
    b.SetInsertPoint(call);
    for (unsigned n = 0; n < count; ++n)
      b.CreateStore(call->getArgOperand(first + n), b.CreateStructGEP(type, memory, n));
    if (auto emulation = emulateOnSums(b, *call, memory, count); !emulation)
      return emulation.takeError();
    Value *result = PoisonValue::get(type);
    for (unsigned n = 0; n < count; ++n) {
      Value *sum = b.CreateLoad(type->getElementType(n), b.CreateStructGEP(type, memory, n));
      result = b.CreateInsertValue(result, sum, n);
    }
    call->replaceAllUsesWith(result);
    call->eraseFromParent();
  }
  return Error::success();
}

/// Parameters that are tensor maps become pointers to them; a number of the kernel's name with
/// `.maps` behind it says how many of the last ones these are.
static int64_t emulateTensorMaps(Function &kernel) {
  int64_t count = 0;
  for (Argument &argument : kernel.args())
    if (argument.hasByValAttr()) {
      argument.removeAttr(Attribute::ByVal);
      ++count;
    }
  return count;
}

/// The array `shared` becomes an address that the emulator gives to each block.
static void emulateSharedMemory(Module &code) {
  GlobalVariable *shared = code.getGlobalVariable("shared", /*AllowInternal=*/true);
  if (!shared)
    return;
  convertUsersOfConstantsToInstructions({shared});
  FunctionCallee emulation =
      code.getOrInsertFunction("emu_shared", PointerType::getUnqual(code.getContext()));
  DenseMap<Function *, Value *> addresses;
  for (Use &use : make_early_inc_range(shared->uses())) {
    Function *function = cast<Instruction>(use.getUser())->getFunction();
    Value *&address = addresses[function];
    if (!address) {
      IRBuilder<> b(&*function->getEntryBlock().getFirstInsertionPt());
      address = b.CreateAddrSpaceCast(b.CreateCall(emulation), shared->getType());
    }
    use.set(address);
  }
  shared->eraseFromParent();
}

/// A GPU takes vectors only at addresses that are multiples of their size; x86 takes them anywhere.
static void checkVectors(Module &code) {
  LLVMContext &context = code.getContext();
  Type *pointer = PointerType::getUnqual(context), *word = Type::getInt32Ty(context);
  FunctionCallee check =
      code.getOrInsertFunction("emu_check_aligned", Type::getVoidTy(context), pointer, word);
  auto checkAccess = [&](Instruction &access) {
    Type *type = getLoadStoreType(&access);
    uint64_t alignment = getLoadStoreAlignment(&access).value();
    if (!type->isVectorTy() || alignment * 8 <= type->getScalarSizeInBits())
      return;
    IRBuilder<> b(&access);
    Value *address = b.CreateAddrSpaceCast(getLoadStorePointerOperand(&access), pointer);
    b.CreateCall(check, {address, b.getInt32(alignment)});
  };
  for (Function &function : code)
    for (BasicBlock &block : function)
      for (Instruction &instruction : block)
        if (isa<LoadInst, StoreInst>(instruction))
          checkAccess(instruction);
}

/// What threads wait for: the emulator lets others run before such a load, and behind a change.
static void emulateAtomics(Module &code) {
  Type *word = Type::getInt32Ty(code.getContext()),
       *pointer = PointerType::getUnqual(code.getContext());
  FunctionCallee load = code.getOrInsertFunction("emu_load_acquire_i32", word, pointer),
                 add = code.getOrInsertFunction("emu_atomic_add_i32", word, pointer, word),
                 store = code.getOrInsertFunction(
                     "emu_store_release_i32", Type::getVoidTy(code.getContext()), pointer, word);
  auto emulate = [&](Instruction &access, FunctionCallee emulation, ArrayRef<Value *> arguments) {
    Value *value = IRBuilder<>(&access).CreateCall(emulation, arguments);
    if (!access.getType()->isVoidTy())
      access.replaceAllUsesWith(value);
    access.eraseFromParent();
  };
  for (Function &function : code)
    for (Instruction &instruction : make_early_inc_range(instructions(function))) {
      auto *read = dyn_cast<LoadInst>(&instruction);
      auto *write = dyn_cast<StoreInst>(&instruction);
      auto *change = dyn_cast<AtomicRMWInst>(&instruction);
      if (read && read->isAtomic())
        emulate(*read, load, {read->getPointerOperand()});
      else if (write && write->isAtomic())
        emulate(*write, store, {write->getPointerOperand(), write->getValueOperand()});
      else if (change && change->getOperation() == AtomicRMWInst::Add)
        emulate(*change, add, {change->getPointerOperand(), change->getValOperand()});
    }
}

Error dlc::retargetToEmulator(Module &code, TargetMachine &machine) {
  code.setTargetTriple(machine.getTargetTriple());
  code.setDataLayout(machine.createDataLayout());
  if (Error error = emulateIntrinsics(code))
    return error;
  emulateSharedMemory(code);
  emulateAtomics(code);
  for (Function &function : code)
    if (Error error = emulateInstructions(function))
      return error;
  checkVectors(code);
  Type *number = Type::getInt64Ty(code.getContext());
  for (Function &function : code) {
    if (function.getCallingConv() != CallingConv::PTX_Kernel)
      continue;
    function.setCallingConv(CallingConv::C);
    auto tell = [&](StringRef what, uint64_t value) {
      new GlobalVariable(code, number, /*isConstant=*/true, GlobalValue::ExternalLinkage,
                         ConstantInt::get(number, value), function.getName() + what);
    };
    tell(".arguments", function.arg_size());
    if (int64_t maps = emulateTensorMaps(function))
      tell(".maps", maps);
  }
  return Error::success();
}
