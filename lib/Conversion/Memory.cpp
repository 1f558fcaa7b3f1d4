//===- Memory.cpp - Where elements lie, and how they are loaded -------------------------------===//
#include "KernelEmitter.h"

#include "dlrt/abi.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/Support/MathExtras.h"

#include <cstddef>
#include <numeric>

using namespace mlir;

namespace dlc {

/// Bools take a byte in memory.
static Type storageOf(Type element) {
  return element.isInteger(1) ? IntegerType::get(element.getContext(), 8) : element;
}

Value KernelEmitter::address(Value pointer, Value index, Type element) {
  Type type = LLVM::LLVMPointerType::get(b.getContext());
  return LLVM::GEPOp::create(b, type, storageOf(element), pointer, ArrayRef<LLVM::GEPArg>{index});
}

Value KernelEmitter::frameNumber(size_t offset, Type type) {
  Value at = address(frame, integer(static_cast<int64_t>(offset)), b.getI8Type());
  return LLVM::LoadOp::create(b, type, at);
}

//===------------------------------------------------------------------------------------------===//
// Index arithmetic
//===------------------------------------------------------------------------------------------===//

Value KernelEmitter::splat(Value scalar) {
  return vector::BroadcastOp::create(b, vectorOfType(scalar.getType()), scalar);
}

Value KernelEmitter::scalarOf(const Index &index) {
  if (!index.base)
    return integer(index.offset);
  return index.offset ? addInt(index.base, integer(index.offset)) : index.base;
}

Value KernelEmitter::vectorOf(const Index &index) {
  Value start = splat(scalarOf(index));
  if (index.lane) {
    SmallVector<Attribute> steps;
    for (int64_t i = 0; i < lanes; ++i)
      steps.push_back(b.getIntegerAttr(indexType, i * index.lane));
    auto type = vectorOfType(indexType);
    Value lane = arith::ConstantOp::create(b, DenseElementsAttr::get(type, steps));
    start = arith::AddIOp::create(b, start, lane);
  }
  return index.scattered ? Value(arith::AddIOp::create(b, start, index.scattered)) : start;
}

Index KernelEmitter::scaled(const Index &index, int64_t factor) {
  Index result{mulInt(index.base, factor),
               index.offset * factor,
               index.lane * factor,
               {},
               index.multiple * factor};
  if (index.scattered)
    result.scattered =
        factor == 1 ? index.scattered
                    : Value(arith::MulIOp::create(b, index.scattered, splat(integer(factor))));
  return result;
}

static int64_t multipleOfBase(const Index &index) { return index.base ? index.multiple : 0; }

Index KernelEmitter::plus(const Index &lhs, const Index &rhs) {
  return {addInt(lhs.base, rhs.base), lhs.offset + rhs.offset, lhs.lane + rhs.lane,
          addInt(lhs.scattered, rhs.scattered), std::gcd(multipleOfBase(lhs), multipleOfBase(rhs))};
}

Index KernelEmitter::linear(RankedTensorType type, ArrayRef<Index> at) {
  Index position;
  int64_t stride = 1;
  for (int64_t d = type.getRank() - 1; d >= 0; --d) {
    position = plus(position, scaled(at[d], stride));
    stride *= type.isDynamicDim(d) ? 1 : type.getDimSize(d); // the batch is the outermost
  }
  return position;
}

Index KernelEmitter::position(const TensorMemory &memory, ArrayRef<Index> at) {
  if (!memory.panel)
    return linear(memory.type, at);
  // Columns come one by one or as a whole vector within a panel.
  const Index &row = at[0], &column = at[1];
  assert(!column.scattered && (column.lane == 0 || column.lane == 1));
  int64_t panelSize = memory.type.getDimSize(0) * memory.panel;
  Index place;
  if (column.base) {
    Value first = scalarOf({column.base, column.offset}), width = integer(memory.panel);
    place.base = addInt(mulInt(arith::DivUIOp::create(b, first, width), panelSize),
                        arith::RemUIOp::create(b, first, width));
  } else {
    place.offset = column.offset / memory.panel * panelSize + column.offset % memory.panel;
  }
  place.lane = column.lane;
  return plus(scaled(row, memory.panel), place);
}

//===------------------------------------------------------------------------------------------===//
// Loads and stores
//===------------------------------------------------------------------------------------------===//

/// What lanes under a mask hold; nobody may use it. LLVM 22's SSE2 code takes the quotient of lanes
/// that are known to be 0 for 0, not for NaN, and then drops the select that keeps it out: there
/// floats are 1.
static Value restOf(ImplicitLocOpBuilder &b, Type type, int64_t vectorBytes) {
  auto vector = cast<VectorType>(type);
  if (vectorBytes > 16 || !isa<FloatType>(vector.getElementType()))
    return arith::ConstantOp::create(b, b.getZeroAttr(type));
  return arith::ConstantOp::create(
      b, SplatElementsAttr::get(vector, b.getFloatAttr(vector.getElementType(), 1.0)));
}

static int64_t bytesOf(Type element) { return storageOf(element).getIntOrFloatBitWidth() / 8; }

unsigned KernelEmitter::alignmentOf(const TensorMemory &memory, const Index &position) {
  int64_t bytes = bytesOf(memory.type.getElementType());
  if (position.scattered || position.lane != 1)
    return bytes;
  int64_t first = std::gcd(multipleOfBase(position), position.offset);
  return std::max(bytes, std::gcd(std::gcd(first, lanes) * bytes, memory.alignment));
}

Value KernelEmitter::loadVector(Value pointer, Type element, Value mask, unsigned alignment) {
  auto type = vectorOfType(storageOf(element));
  if (!mask)
    return LLVM::LoadOp::create(b, type, pointer, alignment);
  Value rest = restOf(b, type, target.bytes);
  return LLVM::MaskedLoadOp::create(b, type, pointer, mask, rest, b.getI32IntegerAttr(alignment));
}

/// The bytes of a bool as an i1.
static Value fromStorage(ImplicitLocOpBuilder &b, Value loaded, Type element) {
  if (!element.isInteger(1))
    return loaded;
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(loaded.getType()));
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, loaded, zero);
}

/// All rows together may be more elements than the index type counts.
Value KernelEmitter::fieldRow(const TensorMemory &memory, const Index &row) {
  Value place = address(rowNumbers, scalarOf(row), b.getI32Type());
  // No kernel writes row numbers: one load may serve all parts of a product.
  Value number =
      LLVM::LoadOp::create(b, b.getI32Type(), place, /*alignment=*/4, /*isVolatile=*/false,
                           /*isNonTemporal=*/false, /*isInvariant=*/true);
  int64_t size = ShapedType::getNumElements(memory.type.getShape().drop_front());
  Value elements = arith::ConstantOp::create(b, b.getI64IntegerAttr(size));
  Value first =
      arith::MulIOp::create(b, arith::ExtSIOp::create(b, b.getI64Type(), number), elements);
  return address(memory.pointer, first, memory.type.getElementType());
}

Value KernelEmitter::load(const TensorMemory &memory, ArrayRef<Index> at, Value mask) {
  Type element = memory.type.getElementType(), storage = storageOf(element);
  Indices place(at);
  Value start = memory.pointer;
  if (memory.byRowNumber) {
    // Row r of the batch is row rowNumbers[r] of the field.
    Index &row = place[0];
    if (row.varies()) {
      Value numbers;
      if (row.lane == 1 && !row.scattered) {
        numbers =
            loadVector(address(rowNumbers, scalarOf(row), b.getI32Type()), b.getI32Type(), {}, 4);
      } else {
        TensorMemory table{rowNumbers,
                           RankedTensorType::get({ShapedType::kDynamic}, b.getI32Type())};
        numbers = load(table, {row}, {});
      }
      row = {};
      row.scattered = resized(numbers, indexType);
    } else {
      start = fieldRow(memory, row);
      row = {};
    }
  }
  Index position = this->position(memory, place);
  if (!position.varies())
    return fromStorage(
        b, LLVM::LoadOp::create(b, storage, address(start, scalarOf(position), element)), element);
  if (position.lane == 1 && !position.scattered) {
    Value from = address(start, scalarOf(position), element);
    return fromStorage(b, loadVector(from, element, mask, alignmentOf(memory, position)), element);
  }
  auto type = vectorOfType(storage);
  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  Value pointers = LLVM::GEPOp::create(b, vectorOfType(pointer), storage, start,
                                       ArrayRef<LLVM::GEPArg>{vectorOf(position)});
  Value lanesOn = mask ? mask : tailMask(lanes);
  Value rest = restOf(b, type, target.bytes);
  return fromStorage(b,
                     LLVM::masked_gather::create(b, type, pointers, lanesOn, ValueRange{rest},
                                                 b.getI32IntegerAttr(bytesOf(element))),
                     element);
}

void KernelEmitter::store(unsigned result, ArrayRef<Index> at, Value element, Value mask) {
  const TensorMemory &memory = results[result];
  Type type = memory.type.getElementType();
  Index position = this->position(memory, at);
  bool vector = position.varies();
  if (vector && !isa<VectorType>(element.getType()))
    element = splat(element);
  if (type.isInteger(1)) {
    Type byte = vector ? Type(vectorOfType(b.getI8Type())) : b.getI8Type();
    element = arith::ExtUIOp::create(b, byte, element);
  }
  Value to = address(memory.pointer, scalarOf(position), type);
  unsigned alignment = alignmentOf(memory, position);
  if (vector && mask)
    LLVM::MaskedStoreOp::create(b, element, to, mask, b.getI32IntegerAttr(alignment));
  else
    LLVM::StoreOp::create(b, element, to, alignment);
}

} // namespace dlc
