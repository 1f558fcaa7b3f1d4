//===- ProgramTable.cpp -----------------------------------------------------------------------===//
#include "dlc/Target/ProgramTable.h"

#include "dlrt/abi.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"

using namespace dlc;
using namespace llvm;

namespace {
/// Writes constants that a dlrt_program points to.
class TableWriter {
public:
  explicit TableWriter(Module &module)
      : module(module), pointer(PointerType::getUnqual(module.getContext())) {}

  /// The program as a global.
  Constant *write(const ProgramTable &table) {
    auto *symbolType = StructType::get(pointer, pointer); // dlrt_symbol
    std::vector<Constant *> symbols;
    for (const std::string &name : table.functions)
      symbols.push_back(ConstantStruct::get(symbolType, text(name), module.getFunction(name)));
    auto *symbolArray =
        global(ConstantArray::get(ArrayType::get(symbolType, symbols.size()), symbols));
    Constant *other = table.other ? write(*table.other) : none();
    return global(ConstantStruct::getAnon({number(DLRT_ABI_VERSION), text(table.manifest),
                                           symbolArray, number(symbols.size()),
                                           bytes(table.weights), number(table.weights.size()),
                                           bytes(table.image), number(table.image.size()), other}));
  }

private:
  Constant *none() { return ConstantPointerNull::get(pointer); }
  Constant *number(int64_t value) {
    return ConstantInt::get(Type::getInt64Ty(module.getContext()), value);
  }
  Constant *global(Constant *value, Align alignment = Align(8)) {
    auto *result = new GlobalVariable(module, value->getType(), /*isConstant=*/true,
                                      GlobalValue::PrivateLinkage, value);
    result->setAlignment(alignment);
    return result;
  }
  Constant *text(StringRef characters) {
    return global(ConstantDataArray::getString(module.getContext(), characters), Align(1));
  }
  /// The same bytes are written once.
  Constant *bytes(StringRef data) {
    if (data.empty())
      return none();
    Constant *&known = written[data.data()];
    if (!known)
      known =
          global(ConstantDataArray::getRaw(data, data.size(), Type::getInt8Ty(module.getContext())),
                 Align(64));
    return known;
  }

  Module &module;
  PointerType *pointer;
  DenseMap<const char *, Constant *> written;
};
} // namespace

void dlc::addProgramTable(Module &module, const ProgramTable &table) {
  LLVMContext &context = module.getContext();
  Constant *program = TableWriter(module).write(table);
  auto *function = Function::Create(FunctionType::get(PointerType::getUnqual(context), false),
                                    Function::ExternalLinkage, "dl_program", module);
  IRBuilder<>(BasicBlock::Create(context, "", function)).CreateRet(program);
}
