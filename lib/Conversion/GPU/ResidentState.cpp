//===- ResidentState.cpp - Variables that stay in shared memory -------------------------------===//
//
// An element is read and written by one thread, the same one in every step: so what lies in shared
// memory is arranged by threads, the first runs of all of them beside each other, then the second
// ones, and needs no barriers.
//
//===------------------------------------------------------------------------------------------===//
#include "ResidentState.h"
#include "GpuEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace dlc {

constexpr int64_t kAlignment = 16; // of a variable's part: vectors are of so many bytes

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// How many elements of a result a block has room for; 0 where its blocks go on to others.
static int64_t elementsOf(KernelOp kernel, const Launch &launch) {
  if (launch.blocks == kMostBlocks || launch.warpgroups)
    return 0;
  if (kernel.getKind() == "contract")
    return std::max(launch.tile.rows * launch.tile.columns, launch.threads);
  if (kernel.getKind() == "map") // a thread has a vector and, at a line's end, one more element
    return launch.threads * (launch.lanes > 1 ? launch.lanes + 1 : 1);
  if (kernel.getKind() == "scatter" || kernel.getKind() == "segments")
    return launch.threads;
  return kernel.getKind() == "reduce" ? kWarp : 0;
}

static int64_t bytesOf(KernelOp kernel, int64_t result, int64_t elements) {
  unsigned bits = typeOf(kernel.getResult(result)).getElementTypeBitWidth();
  return llvm::alignTo(elements * (bits / 8), kAlignment);
}

int64_t ResidentState::offsetOf(KernelOp kernel, int64_t result) const {
  int64_t offset = 0;
  llvm::SmallDenseSet<int64_t> before;
  for (const ResidentVariable &variable : variables)
    if (variable.result != result && before.insert(variable.result).second)
      offset += variable.result < result ? bytesOf(kernel, variable.result, elements) : 0;
  return offset;
}

/// What uses a value, whatever shape it is seen in.
static SmallVector<Operation *> usersOf(Value value) {
  SmallVector<Operation *> users;
  for (Operation *user : value.getUsers())
    if (auto view = dyn_cast<ReshapeOp>(user))
      llvm::append_range(users, usersOf(view.getY()));
    else
      users.push_back(user);
  return users;
}

/// The number of the result that is a variable's next value in place, and -1 where there is none.
static int64_t updateOf(KernelOp kernel, ReadOp variable) {
  for (OpResult result : kernel.getResults())
    for (Operation *user : usersOf(result))
      if (auto assign = dyn_cast<AssignOp>(user);
          assign && assign->hasAttr("in_place") && assign.getVariable() == variable.getVariable())
        return result.getResultNumber();
  return -1;
}

/// Whether an element of `argument` is needed only for the same element of the results.
static bool isElementByElement(BlockArgument argument) {
  SmallVector<Value> reached{argument};
  llvm::SmallDenseSet<Operation *> seen;
  for (size_t n = 0; n < reached.size(); ++n)
    for (Operation *user : reached[n].getUsers()) {
      if (user->hasTrait<OpTrait::IsTerminator>() || !seen.insert(user).second)
        continue;
      if (!isa<ElementwiseOpInterface>(user))
        return false;
      reached.push_back(user->getResult(0));
    }
  return true;
}

/// Whether memory must hold the variable in every step: another kernel reads it, or its next value.
static bool isReadElsewhere(KernelOp kernel, Value next, StringRef variable) {
  auto train = kernel->getParentOfType<func::FuncOp>();
  auto isOther = [&](Operation *user) { return user != kernel && !isa<AssignOp>(user); };
  return llvm::any_of(usersOf(next), isOther) ||
         llvm::any_of(train.getOps<ReadOp>(), [&](ReadOp read) {
           return read.getVariable() == variable && llvm::any_of(usersOf(read), isOther);
         });
}

void planResidentState(KernelOp kernel) {
  Launch launch = launchOf(kernel);
  ResidentState state;
  state.elements = elementsOf(kernel, launch);
  if (!state.elements)
    return;
  Block &region = kernel.getBody().front();
  llvm::SmallDenseSet<int64_t> unfit; // results whose variable is needed elsewhere in the kernel
  for (auto [n, input] : llvm::enumerate(kernel.getInputs())) {
    auto read = input.getDefiningOp<ReadOp>();
    int64_t result = read ? updateOf(kernel, read) : -1;
    if (result < 0)
      continue;
    BlockArgument argument = region.getArgument(n);
    if (argument.getType() != region.getTerminator()->getOperand(result).getType() ||
        !isa<FloatType>(typeOf(argument).getElementType()) || !isElementByElement(argument))
      unfit.insert(result);
    bool isShared = isReadElsewhere(kernel, kernel.getResult(result), read.getVariable());
    state.variables.push_back({static_cast<int64_t>(n), result, isShared});
  }
  llvm::erase_if(state.variables,
                 [&](const ResidentVariable &one) { return unfit.contains(one.result); });
  if (state.variables.empty())
    return;
  llvm::SmallDenseSet<int64_t> counted;
  SmallVector<int64_t> numbers;
  for (const ResidentVariable &one : state.variables) {
    numbers.append({one.argument, one.result, one.isShared});
    if (counted.insert(one.result).second)
      state.bytes += bytesOf(kernel, one.result, state.elements);
  }
  Builder b(kernel.getContext());
  NamedAttrList list;
  list.append("variables", b.getDenseI64ArrayAttr(numbers));
  list.append("elements", b.getI64IntegerAttr(state.elements));
  list.append("bytes", b.getI64IntegerAttr(state.bytes));
  kernel->setAttr("resident", list.getDictionary(kernel.getContext()));
}

ResidentState residentStateOf(KernelOp kernel) {
  ResidentState state;
  auto list = kernel->getAttrOfType<DictionaryAttr>("resident");
  if (!list)
    return state;
  state.elements = cast<IntegerAttr>(list.get("elements")).getInt();
  state.bytes = cast<IntegerAttr>(list.get("bytes")).getInt();
  auto numbers = cast<DenseI64ArrayAttr>(list.get("variables")).asArrayRef();
  for (; !numbers.empty(); numbers = numbers.drop_front(3))
    state.variables.push_back({numbers[0], numbers[1], numbers[2] != 0});
  return state;
}

int64_t residentTraffic(KernelOp kernel) {
  int64_t bytes = 0;
  llvm::SmallDenseSet<int64_t> counted;
  for (const ResidentVariable &one : residentStateOf(kernel).variables)
    if (counted.insert(one.result).second) {
      auto type = typeOf(kernel.getResult(one.result));
      bytes += bytesOf(kernel, one.result, type.getNumElements()) * (one.isShared ? 1 : 2);
    }
  return bytes;
}

//===------------------------------------------------------------------------------------------===//
// Code
//===------------------------------------------------------------------------------------------===//

void GpuEmitter::takeResidentState(ValueRange arguments) {
  Value place = arguments[0], isFirst = arguments[1], isLast = arguments[2];
  Value zero = arith::ConstantOp::create(b, b.getI64IntegerAttr(0));
  isResident = arith::CmpIOp::create(b, arith::CmpIPredicate::sge, place, zero);
  auto unless = [&](Value condition) -> Value {
    Value never = arith::ConstantOp::create(b, b.getBoolAttr(false));
    return arith::SelectOp::create(b, condition, never, isResident);
  };
  wasResident = unless(isFirst);
  staysResident = unless(isLast);
  residentPlace = resized(place, indexType);
}

/// A pointer to the element of a result's variable that has the number in the block's part of
/// shared memory or, where it is not `isThere`, to its place in the arena.
Value GpuEmitter::residentPointer(Value isThere, int64_t result, Value number,
                                  const TensorMemory &memory, ArrayRef<Index> at) {
  Type element = memory.type.getElementType();
  Value own = addInt(mulInt(number, element.getIntOrFloatBitWidth() / 8),
                     integer(resident.offsetOf(kernel, result)));
  Type anywhere = LLVM::LLVMPointerType::get(b.getContext());
  Value inShared = LLVM::AddrSpaceCastOp::create(
      b, anywhere, sharedAt(addInt(residentPlace, own), b.getI8Type()));
  Value inArena = address(memory.pointer, scalarOf(position(memory, at)), element);
  return arith::SelectOp::create(b, isThere, inShared, inArena);
}

/// Whether it is one place of several lanes.
static bool isVector(ArrayRef<Indices> places) {
  return !places.front().empty() && places.front().back().varies();
}

static unsigned bytesOf(const TensorMemory &memory, size_t count) {
  return memory.type.getElementTypeBitWidth() / 8 * count;
}

/// Makes known what the resident variables are at the places.
void GpuEmitter::loadResident(ArrayRef<Indices> places, Value number) {
  int64_t count = isVector(places) ? lanes : places.size();
  for (const ResidentVariable &one : resident.variables) {
    const TensorMemory &memory = inputs[one.argument];
    Value from = residentPointer(wasResident, one.result, number, memory, places.front());
    Type element = memory.type.getElementType();
    Type type = count > 1 ? VectorType::get({count}, element) : element;
    Value loaded = LLVM::LoadOp::create(b, type, from, bytesOf(memory, count));
    for (auto [n, place] : llvm::enumerate(places))
      bind(region->getArgument(one.argument), place,
           places.size() > 1 ? Value(LLVM::ExtractElementOp::create(b, loaded, integer(n)))
                             : loaded);
  }
}

/// All are computed before the first is stored, so that loads and stores become those of vectors,
/// and one result may be written over a variable that another one needs.
void GpuEmitter::storeRun(ArrayRef<Indices> places, Value number) {
  ValueRange values = region->getTerminator()->getOperands();
  SmallVector<SmallVector<Value>> elements(values.size());
  inScope([&] {
    loadResident(places, number);
    for (const Indices &place : places)
      for (auto [run, value] : llvm::zip_equal(elements, values))
        run.push_back(evaluate(value, place));
  });
  for (auto [n, run] : llvm::enumerate(elements)) {
    int64_t result = n;
    const auto *one = llvm::find_if(resident.variables,
                                    [&](const ResidentVariable &v) { return v.result == result; });
    bool isKept = one != resident.variables.end();
    if (!isKept || one->isShared)
      for (auto [place, element] : llvm::zip_equal(places, run))
        store(result, place, element);
    if (!isKept)
      continue;
    auto keep = [&](Value where, ValueRange elements) {
      Value to = residentPointer(where, result, number, results[result], places.front());
      Value stored = asVector(elements);
      if (isVector(places) && !isa<VectorType>(stored.getType()))
        stored = splat(stored);
      LLVM::StoreOp::create(b, stored, to,
                            bytesOf(results[result], isVector(places) ? lanes : places.size()));
    };
    ValueRange all(run);
    if (one->isShared)
      onlyIf(isResident, [&, all] { keep(isResident, all); });
    else
      keep(staysResident, all);
  }
}

} // namespace dlc
