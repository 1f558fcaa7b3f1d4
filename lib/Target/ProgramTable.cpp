//===- ProgramTable.cpp -----------------------------------------------------------------------===//
#include "dlc/Target/ProgramTable.h"

#include "dlrt/abi.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"

using namespace dlc;
using namespace llvm;

void dlc::addProgramTable(Module &module, const ProgramTable &table) {
  LLVMContext &context = module.getContext();
  auto *pointer = PointerType::getUnqual(context);
  auto *integer = Type::getInt64Ty(context);
  auto constant = [&](Constant *value, Align alignment = Align(8)) {
    auto *global = new GlobalVariable(module, value->getType(), /*isConstant=*/true,
                                      GlobalValue::PrivateLinkage, value);
    global->setAlignment(alignment);
    return global;
  };
  auto text = [&](StringRef bytes) {
    return constant(ConstantDataArray::getString(context, bytes), Align(1));
  };
  auto *symbolType = StructType::get(pointer, pointer); // dlrt_symbol
  std::vector<Constant *> symbols;
  for (const std::string &name : table.functions)
    symbols.push_back(ConstantStruct::get(symbolType, text(name), module.getFunction(name)));
  auto *symbolArray =
      constant(ConstantArray::get(ArrayType::get(symbolType, symbols.size()), symbols));
  Constant *weights = ConstantPointerNull::get(pointer);
  if (!table.weights.empty())
    weights = constant(
        ConstantDataArray::getRaw(table.weights, table.weights.size(), Type::getInt8Ty(context)),
        Align(64));
  auto number = [&](int64_t value) { return ConstantInt::get(integer, value); };
  auto *program = constant(ConstantStruct::getAnon(
      {number(DLRT_ABI_VERSION), text(table.manifest), symbolArray, number(symbols.size()), weights,
       number(table.weights.size()), ConstantPointerNull::get(pointer), number(0)}));
  auto *function = Function::Create(FunctionType::get(pointer, false), Function::ExternalLinkage,
                                    "dl_program", module);
  IRBuilder<>(BasicBlock::Create(context, "", function)).CreateRet(program);
}
