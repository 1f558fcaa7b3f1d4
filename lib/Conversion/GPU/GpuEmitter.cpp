//===- GpuEmitter.cpp - Places in the grid, warps, blocks, shared memory ----------------------===//
#include "GpuEmitter.h"

#include "dlrt/abi.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace dlc {

GpuEmitter::GpuEmitter(func::FuncOp function, KernelOp kernel)
    : KernelEmitter(function, kernel, VectorTarget{0, 0}), launch(launchOf(kernel)),
      resident(residentStateOf(kernel)) {
  lanes = 1;
  tensorAlignment = 64; // PlanMemory.cpp's
  // The descriptors of wgmma are numbers of 64 bits.
  indexType = launch.wide || launch.warpgroups ? b.getI64Type() : b.getI32Type();
}

void GpuEmitter::takeArguments(ValueRange arguments) {
  frame = arguments[0];
  rows = resized(arguments[1], indexType);
  blockNumber = resized(arguments[2], indexType);
  arguments = arguments.drop_front(3);
  if (!resident.variables.empty()) {
    takeResidentState(arguments.take_front(3));
    arguments = arguments.drop_front(3);
  }
  tensorMaps = arguments;
}

//===------------------------------------------------------------------------------------------===//
// Places in the grid
//===------------------------------------------------------------------------------------------===//

Value GpuEmitter::call(StringRef intrinsic, Type type, ValueRange arguments) {
  return LLVM::CallIntrinsicOp::create(b, type, b.getStringAttr(intrinsic), arguments).getResult(0);
}

Value gridNumber(ImplicitLocOpBuilder &b, StringRef name) {
  std::string intrinsic = ("llvm.nvvm.read.ptx.sreg." + name).str();
  Value number =
      LLVM::CallIntrinsicOp::create(b, b.getI32Type(), b.getStringAttr(intrinsic), ValueRange())
          .getResult(0);
  return arith::ExtUIOp::create(b, b.getI64Type(), number);
}

Value GpuEmitter::threadInBlock() { return resized(gridNumber(b, "tid.x"), indexType); }
Value GpuEmitter::lane() { return arith::RemUIOp::create(b, threadInBlock(), integer(kWarp)); }
Value GpuEmitter::warpInBlock() {
  return arith::DivUIOp::create(b, threadInBlock(), integer(kWarp));
}
Value GpuEmitter::threadInGrid() {
  return addInt(mulInt(block(), launch.threads), threadInBlock());
}
Value GpuEmitter::warpInGrid() {
  return addInt(mulInt(block(), launch.threads / kWarp), warpInBlock());
}

Value GpuEmitter::countOf(ArrayRef<int64_t> shape) {
  int64_t known = 1;
  Value batch;
  for (int64_t size : shape) {
    if (ShapedType::isDynamic(size))
      batch = rows;
    else
      known *= size;
  }
  return batch ? mulInt(batch, known) : integer(known);
}

Indices GpuEmitter::delinearize(Value position, ArrayRef<int64_t> shape) {
  Indices at(shape.size());
  for (int64_t d = static_cast<int64_t>(shape.size()) - 1; d > 0; --d) {
    assert(!ShapedType::isDynamic(shape[d]) && "the batch is the outermost dimension");
    at[d] = {shape[d] == 1 ? Value() : arith::RemUIOp::create(b, position, integer(shape[d]))};
    if (shape[d] != 1)
      position = arith::DivUIOp::create(b, position, integer(shape[d]));
  }
  if (!shape.empty())
    at[0] = {shape[0] == 1 ? Value() : position};
  return at;
}

Indices GpuEmitter::vectorAt(Value number, ArrayRef<int64_t> shape) {
  SmallVector<int64_t> vectors(shape);
  if (lanes > 1)
    vectors.back() /= lanes;
  Indices at = delinearize(number, vectors);
  if (lanes > 1)
    at.back() = {mulInt(at.back().base, lanes), 0, 1, {}, lanes};
  return at;
}

Value GpuEmitter::vectorsOf(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> vectors(shape);
  if (lanes > 1)
    vectors.back() /= lanes;
  return countOf(vectors);
}

Value GpuEmitter::lessThan(Value lhs, Value rhs) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, lhs, rhs);
}

Value GpuEmitter::isZero(Value value) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, value, integer(0));
}

//===------------------------------------------------------------------------------------------===//
// Warps and blocks
//===------------------------------------------------------------------------------------------===//

void GpuEmitter::barrier() {
  Value which = arith::ConstantOp::create(b, b.getI32IntegerAttr(0));
  LLVM::CallIntrinsicOp::create(b, b.getStringAttr("llvm.nvvm.barrier.cta.sync.aligned.all"),
                                ValueRange(which));
}

Value GpuEmitter::exchange(Value value, int bit) {
  Type type = value.getType(), word = b.getI32Type();
  auto constant = [&](int64_t number) -> Value {
    return arith::ConstantOp::create(b, b.getI32IntegerAttr(number));
  };
  auto shuffle = [&](Value part) {
    return call("llvm.nvvm.shfl.sync.bfly.i32", word,
                {constant(-1), part, constant(bit), constant(31)});
  };
  if (type.isF32())
    return arith::BitcastOp::create(b, type, shuffle(arith::BitcastOp::create(b, word, value)));
  if (type.isF64()) {
    Type wide = b.getI64Type();
    Value bits = arith::BitcastOp::create(b, wide, value);
    Value low = shuffle(arith::TruncIOp::create(b, word, bits));
    Value half = arith::ConstantOp::create(b, b.getI64IntegerAttr(32));
    Value high = shuffle(arith::TruncIOp::create(b, word, arith::ShRUIOp::create(b, bits, half)));
    bits =
        arith::OrIOp::create(b, arith::ExtUIOp::create(b, wide, low),
                             arith::ShLIOp::create(b, arith::ExtUIOp::create(b, wide, high), half));
    return arith::BitcastOp::create(b, type, bits);
  }
  if (type == word)
    return shuffle(value);
  return arith::TruncIOp::create(b, type, shuffle(arith::ExtUIOp::create(b, word, value)));
}

/// Each lane names its partner itself: the one with the number `own ^ (own ^ lane)`.
Value GpuEmitter::fromLane(Value value, Value from) {
  Type word = b.getI32Type();
  auto constant = [&](int64_t number) -> Value {
    return arith::ConstantOp::create(b, b.getI32IntegerAttr(number));
  };
  Value distance = arith::XOrIOp::create(b, resized(lane(), word), resized(from, word));
  Value got = call("llvm.nvvm.shfl.sync.bfly.i32", word,
                   {constant(-1), resized(value, word), distance, constant(31)});
  return resized(got, indexType);
}

Value GpuEmitter::combineWarp(ReductionOpInterface op, Value value, int64_t width) {
  for (int bit = width / 2; bit > 0; bit /= 2)
    value = op.buildCombine(b, value, exchange(value, bit));
  return value;
}

Value GpuEmitter::combineBlock(ReductionOpInterface op, Value value) {
  barrier(); // what was there before has been read
  onlyIf(isZero(lane()), [&] { storeShared(warpInBlock(), value); });
  barrier();
  Value result = loadShared(integer(0), value.getType());
  for (int64_t warp = 1; warp < launch.threads / kWarp; ++warp)
    result = op.buildCombine(b, result, loadShared(integer(warp), value.getType()));
  return result;
}

/// What stands for an element in memory: a bool takes a byte.
static Type memoryType(Type element) {
  return element.isInteger(1) ? IntegerType::get(element.getContext(), 8) : element;
}

Value GpuEmitter::sharedAt(Value index, Type element) {
  constexpr StringLiteral name = "shared";
  constexpr unsigned space = 3;
  auto module = function->getParentOfType<ModuleOp>();
  if (!module.lookupSymbol(name)) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    auto bytes = LLVM::LLVMArrayType::get(b.getI8Type(), 0);
    constexpr int64_t kSwizzle = 1024; // bytes that a pattern of copies and `wgmma` spans
    LLVM::GlobalOp::create(b, bytes, /*isConstant=*/false, LLVM::Linkage::External, name,
                           Attribute(), kSwizzle, space);
  }
  Type pointer = LLVM::LLVMPointerType::get(b.getContext(), space);
  Value start = LLVM::AddressOfOp::create(b, pointer, name);
  return LLVM::GEPOp::create(b, pointer, memoryType(element), start, ArrayRef<LLVM::GEPArg>{index});
}

Value GpuEmitter::loadShared(Value index, Type element) {
  Value loaded = LLVM::LoadOp::create(b, memoryType(element), sharedAt(index, element));
  return element.isInteger(1) ? Value(arith::TruncIOp::create(b, element, loaded)) : loaded;
}

void GpuEmitter::storeShared(Value index, Value element) {
  Value place = sharedAt(index, element.getType());
  if (element.getType().isInteger(1))
    element = arith::ExtUIOp::create(b, b.getI8Type(), element);
  LLVM::StoreOp::create(b, element, place);
}

static unsigned bytesOf(Type element, int64_t count) {
  return element.getIntOrFloatBitWidth() / 8 * count;
}

SmallVector<Value> GpuEmitter::loadShared(Value index, Type element, int64_t count) {
  if (count == 1)
    return {loadShared(index, element)};
  Value loaded = LLVM::LoadOp::create(b, VectorType::get({count}, element),
                                      sharedAt(index, element), bytesOf(element, count));
  SmallVector<Value> elements;
  for (int64_t n = 0; n < count; ++n)
    elements.push_back(LLVM::ExtractElementOp::create(b, loaded, integer(n)));
  return elements;
}

void GpuEmitter::storeShared(Value index, ValueRange elements) {
  if (elements.size() == 1)
    return storeShared(index, elements.front());
  Type element = elements.front().getType();
  LLVM::StoreOp::create(b, asVector(elements), sharedAt(index, element),
                        bytesOf(element, elements.size()));
}

Value GpuEmitter::asVector(ValueRange elements) {
  Value first = elements.front();
  if (elements.size() == 1)
    return first;
  auto type = VectorType::get({static_cast<int64_t>(elements.size())}, first.getType());
  Value vector = LLVM::PoisonOp::create(b, type);
  for (auto [n, element] : llvm::enumerate(elements))
    vector = LLVM::InsertElementOp::create(b, vector, element, integer(n));
  return vector;
}

void GpuEmitter::commitCopies() {
  LLVM::CallIntrinsicOp::create(b, b.getStringAttr("llvm.nvvm.cp.async.commit.group"),
                                ValueRange());
}

void GpuEmitter::waitForCopies(int64_t groups) {
  Value most = arith::ConstantOp::create(b, b.getI32IntegerAttr(groups));
  LLVM::CallIntrinsicOp::create(b, b.getStringAttr("llvm.nvvm.cp.async.wait.group"), most);
}

} // namespace dlc
